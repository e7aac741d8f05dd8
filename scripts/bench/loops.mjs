// How is the longest time measured in which a program of the platform did nothing else, while something goes on?
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

const mostMs = 10_000

/** What the platform has to be started with, so that `longestHold` works. */
export const watched = (folder) => ({
  NODE_OPTIONS: `--import=${new URL('loop-watch.mjs', import.meta.url).href}`,
  BENCH_LOOPS: folder,
})

async function ask(folder, pid) {
  const file = join(folder, String(pid))
  const late = performance.now() + mostMs
  process.kill(pid, 'SIGURG')
  while (!existsSync(file)) {
    if (performance.now() > late) throw new Error(`process ${pid} did not say how long it held its event loop`)
    await wait(5)
  }
  const ms = Number(readFileSync(file, 'utf8'))
  rmSync(file)
  return ms
}

/** @returns milliseconds */
export async function longestHold(folder, pid, work) {
  await ask(folder, pid)
  await work()
  return ask(folder, pid)
}
