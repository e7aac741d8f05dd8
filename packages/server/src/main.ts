// How does the `deis-server` program start and end?
import { Cancelled } from './failure.ts'
import { run } from './program.ts'

const stop = new AbortController()
// The first signal stops the work in order, a second one ends the process.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort(new Cancelled(signal)))
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // `deis-server doctor | head`: a closed pipe is not an error.
  if (error.code !== 'EPIPE') throw error
})
// Its libraries are pinned to a version that works with this Node.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true'
// If nothing is left to wait for before the end is reached, the work was not done.
process.exitCode = 1
void run(process.argv.slice(2), {
  out: (text) => void process.stdout.write(`${text}\n`),
  err: (text) => void process.stderr.write(`${text}\n`),
  env: process.env,
  signal: stop.signal,
}).then((code) => {
  process.exitCode = code
})
