// A fetch for clients that do not repeat what failed: again after 503, 429 and a lost connection, with the same body.
export async function patientFetch(url, options) {
  for (let pause = 500; ; pause *= 2) {
    try {
      const answer = await fetch(url, { ...options, signal: AbortSignal.timeout(4000) })
      const passing = answer.status === 429 || answer.status >= 500
      if (!passing || pause > 30_000) return answer
    } catch (error) {
      if (pause > 30_000) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, pause))
  }
}
