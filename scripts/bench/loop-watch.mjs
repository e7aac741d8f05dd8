// How long does a program of Node hold its event loop? Loaded into it before it starts: what SIGURG asks for goes into a file.
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'

const folder = process.env.BENCH_LOOPS
const resolution = 5
const delays = monitorEventLoopDelay({ resolution })
delays.enable()

// SIGUSR2 is how an upgrade pauses the controller.
process.on('SIGURG', () => {
  const file = join(folder, String(process.pid))
  writeFileSync(`${file}.new`, String(Math.max(0, delays.max / 1e6 - resolution)))
  renameSync(`${file}.new`, file)
  delays.reset()
})
