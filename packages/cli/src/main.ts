#!/usr/bin/env node
// How does the `deis` program start and end?
import { processIo } from './terminal/io.ts'
import { run } from './run.ts'

const stop = new AbortController()
// The first signal ends the work in order, a second one the process.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort(signal))
// `deis logs | head`: nobody reads any more, which is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})
process.exitCode = await run(process.argv.slice(2), processIo(stop.signal))
