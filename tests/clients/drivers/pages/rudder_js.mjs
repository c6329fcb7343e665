// On a page: sends what it is told with @rudderstack/analytics-js.
import { RudderAnalytics } from '@rudderstack/analytics-js/bundled'
import { calls, leave, report, scenario } from './page.mjs'

const analytics = new RudderAnalytics()
analytics.load(scenario.key, scenario.url, {
  configUrl: scenario.url,
  queueOptions: { minRetryDelay: 500, batch: { enabled: scenario.batched, flushInterval: 500 } },
})
analytics.setAnonymousId(scenario.calls[0].anonymousId)
for (const { type, context, integrations, timestamp, ...call } of calls) {
  const options = { context, integrations, ...(timestamp && { originalTimestamp: timestamp }) }
  const arguments_ = {
    identify: [call.userId, call.traits],
    track: [call.event, call.properties],
    page: [call.category, call.name, call.properties],
    group: [call.groupId, call.traits],
    alias: [call.userId, call.previousId],
  }[type]
  analytics[type](...arguments_, options)
}
await new Promise((resolve) => analytics.ready(resolve)) // until then calls are in memory alone
leave()
await report([], {})
