// Scenarios come as JSON on stdin, all are run side by side, and each one's answer goes out as a line of JSON.
export async function answerAll(run) {
  const chunks = []
  for await (const chunk of process.stdin) chunks.push(chunk)
  const scenarios = JSON.parse(Buffer.concat(chunks).toString())
  await Promise.all(scenarios.map(async (scenario) => {
    const errors = []
    const kept = {}
    try {
      await run(scenario, errors, kept)
    } catch (error) {
      errors.push(`threw ${error}`)
    }
    console.log(JSON.stringify({ name: scenario.name, errors, kept }))
  }))
  process.exit(0)
}
