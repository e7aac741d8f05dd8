// How long does the slowest answer take, asked for one after the other? A process of its own: what else a test does must not count.
//   fork('slowest.mjs', [URL])      until the first message, which it answers with milliseconds
import { setTimeout as wait } from 'node:timers/promises'

const [url] = process.argv.slice(2)
const over = new AbortController()
process.once('message', () => over.abort())
process.once('disconnect', () => process.exit())

let slowest = 0
do {
  const started = performance.now()
  const answer = await fetch(url, { signal: AbortSignal.timeout(30_000) })
  await answer.text()
  slowest = Math.max(slowest, answer.ok ? performance.now() - started : Number.POSITIVE_INFINITY)
  process.send({ asked: true })
  await wait(20, undefined, { signal: over.signal }).catch(() => {})
} while (!over.signal.aborted)
process.send({ slowest: String(slowest) })
