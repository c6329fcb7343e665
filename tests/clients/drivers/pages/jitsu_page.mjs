// On a page: sends what it is told with @jitsu/js.
import { jitsuAnalytics } from '@jitsu/js'
import { say } from '/drivers/jitsu_calls.mjs'
import { patientFetch } from '/drivers/patient_fetch.mjs'
import { report, scenario } from './page.mjs'

const errors = []
const client = jitsuAnalytics({
  host: scenario.url,
  writeKey: scenario.key.replace(/_([^_]+)$/, ':$1'),
  fetch: scenario.patient ? patientFetch : window.fetch.bind(window),
  defaultPayloadContext: {}, // its default is one object for all clients of a process
  errorPolicy: (message) => errors.push(message),
})
await say(client, scenario.calls)
await report(errors, {})
