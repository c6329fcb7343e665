// Sends what it is told with @jitsu/js on a server. By itself it repeats nothing: a patient scenario hands it a `fetch`
// that does.
import { jitsuAnalytics } from '@jitsu/js'
import { say } from './jitsu_calls.mjs'
import { patientFetch } from './patient_fetch.mjs'
import { answerAll } from './stdin.mjs'

await answerAll(async (scenario, errors) => {
  const client = jitsuAnalytics({
    host: scenario.url,
    writeKey: scenario.key.replace(/_([^_]+)$/, ':$1'),
    s2s: true,
    fetch: scenario.patient ? patientFetch : fetch,
    fetchTimeoutMs: scenario.patient ? undefined : 4000,
    defaultPayloadContext: {}, // its default is one object for all clients of a process
    errorPolicy: (message) => errors.push(message),
  })
  await say(client, scenario.calls)
})
