// Sends what it is told with @segment/analytics-node.
import { Analytics } from '@segment/analytics-node'
import { answerAll } from './stdin.mjs'

await answerAll(async (scenario, errors, kept) => {
  const client = new Analytics({
    writeKey: scenario.key,
    host: scenario.url,
    flushInterval: 200,
    httpRequestTimeout: 4000,
  })
  client.on('error', (error) => errors.push(String(error.reason ?? error.code)))
  for (const { type, timestamp, anonymousId, ...fields } of scenario.calls) {
    client[type]({
      ...fields,
      ...(type !== 'alias' && { anonymousId }),
      ...(timestamp && { timestamp: new Date(timestamp) }),
    }, (_, context) => { kept[fields.context.mark] = context.event.messageId })
  }
  await client.closeAndFlush()
})
