// Sends what it is told with @rudderstack/rudder-sdk-node. Its first call goes out alone, the others with the flush.
import Analytics from '@rudderstack/rudder-sdk-node'
import { answerAll } from './stdin.mjs'

await answerAll(async (scenario, errors, kept) => {
  const client = new Analytics(scenario.key, {
    dataPlaneUrl: scenario.url,
    gzip: scenario.gzip,
    flushInterval: 200,
    logLevel: 'none',
    errorHandler: (error) => errors.push(String(error)),
  })
  const answered = scenario.calls.map(({ type, timestamp, anonymousId, ...fields }) => {
    const messageId = `${fields.context.mark}-kept`
    kept[fields.context.mark] = messageId
    return new Promise((resolve) => {
      client[type]({
        ...fields,
        messageId,
        ...(type !== 'alias' && { anonymousId }),
        ...(timestamp && { timestamp: new Date(timestamp) }),
      }, resolve)
    })
  })
  await client.flush()
  await Promise.all(answered)
})
