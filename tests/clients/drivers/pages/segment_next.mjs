// On a page: sends what it is told with @segment/analytics-next.
import { AnalyticsBrowser } from '@segment/analytics-next'
import { calls, leave, report, scenario } from './page.mjs'

const errors = []
const kept = {}
const batching = { deliveryStrategy: { strategy: 'batching', config: { timeout: 500 } } }
const analytics = AnalyticsBrowser.load(
  { writeKey: scenario.key, cdnURL: scenario.url },
  scenario.batched ? { integrations: { 'Segment.io': batching } } : {},
)
analytics.on('error', (error) => errors.push(String(error.reason?.message ?? error.code)))
await analytics.setAnonymousId(scenario.calls[0].anonymousId)
const sending = calls.map(async ({ type, context, integrations, timestamp, ...call }) => {
  const options = { context, integrations, ...(timestamp && { timestamp: new Date(timestamp) }) }
  const arguments_ = {
    identify: [call.userId, call.traits],
    track: [call.event, call.properties],
    page: [call.category, call.name, call.properties],
    screen: [call.category, call.name, call.properties],
    group: [call.groupId, call.traits],
    alias: [call.userId, call.previousId],
  }[type]
  const sent = await analytics[type](...arguments_, options)
  kept[context.mark] = sent.event.messageId
})
leave()
await Promise.all(sending)
await report(errors, kept)
