// How does the `deis-server` program start and end?
import { run } from './program.ts'

const stop = new AbortController()
// The first signal stops the work in order, a second one ends the process.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort(new Error(`got ${signal}`)))
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // `deis-server doctor | head`: a closed pipe is not an error.
  if (error.code !== 'EPIPE') throw error
})
void run(process.argv.slice(2), {
  out: (text) => void process.stdout.write(`${text}\n`),
  err: (text) => void process.stderr.write(`${text}\n`),
  env: process.env,
  signal: stop.signal,
}).then((code) => {
  process.exitCode = code
})
