// How does the `deis` program start and end?
import { processIo } from './terminal/io.ts'
import { run } from './run.ts'

const stop = new AbortController()
// The first signal stops the work in order, a second one ends the process.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stop.abort(signal))
// `deis logs | head`: a closed pipe is not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})
void run(process.argv.slice(2), processIo(stop.signal)).then((code) => {
  process.exitCode = code
})
