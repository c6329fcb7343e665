// What a page is told, and how it tells what came of it.
export const scenario = JSON.parse(document.getElementById('scenario').textContent)

// A page that is left says everything and is gone: what is queued then, the next page of the same site has to send.
const isNext = sessionStorage.getItem('left') !== null
export const calls = isNext ? [] : scenario.calls

export function leave() {
  if (!scenario.leaves || isNext) return
  sessionStorage.setItem('left', 'yes')
  setTimeout(() => location.reload(), 500)
}

export async function report(errors, kept) {
  await fetch('/done', { method: 'POST', body: JSON.stringify({ name: scenario.name, errors, kept }) })
}

window.addEventListener('error', (event) => report([`threw ${event.message}`], {}))
window.addEventListener('unhandledrejection', (event) => report([`threw ${event.reason}`], {}))
