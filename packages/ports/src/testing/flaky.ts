// Which scheduler fails at random, before or after the effect, to test that callers still converge?
import { setTimeout as sleep } from 'node:timers/promises'
import type { Scheduler } from '../scheduler.ts'

export type FlakyScheduler = Scheduler & {
  /** How many calls were failed so far. */
  faults(): number
}

/** Numbers from 0 up to 1, the same ones for the same seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/**
 * Wraps a scheduler: each call fails with probability `rate`, half of these before it reaches the backend and half after it
 * took effect, and takes up to `delayMs` longer.
 */
export function createFlakyScheduler(
  inner: Scheduler,
  options: { readonly seed: number; readonly rate: number; readonly delayMs: number },
): FlakyScheduler {
  const next = seeded(options.seed)
  let faults = 0
  const flaky =
    <A extends unknown[], R>(name: string, call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      const fate = next()
      const delay = next() * options.delayMs
      const fail = (when: string): never => {
        faults++
        throw new Error(`${inner.name} failed on purpose ${when} ${name}`)
      }
      if (delay > 0) await sleep(delay)
      if (fate < options.rate / 2) fail('before')
      const result = await call(...args)
      return fate < options.rate ? fail('after') : result
    }
  return {
    name: inner.name,
    capabilities: flaky('capabilities', () => inner.capabilities()),
    prepare: flaky('prepare', (...args) => inner.prepare(...args)),
    setEdge: flaky('setEdge', (...args) => inner.setEdge(...args)),
    upstreams: flaky('upstreams', (...args) => inner.upstreams(...args)),
    matchingNodes: flaky('matchingNodes', (...args) => inner.matchingNodes(...args)),
    apply: flaky('apply', (...args) => inner.apply(...args)),
    resume: flaky('resume', (...args) => inner.resume(...args)),
    observe: flaky('observe', (...args) => inner.observe(...args)),
    restart: flaky('restart', (...args) => inner.restart(...args)),
    run: flaky('run', (...args) => inner.run(...args)),
    open: flaky('open', (...args) => inner.open(...args)),
    exec: flaky('exec', (...args) => inner.exec(...args)),
    logs: flaky('logs', (...args) => inner.logs(...args)),
    follow: flaky('follow', (...args) => inner.follow(...args)),
    remove: flaky('remove', (...args) => inner.remove(...args)),
    onChange: (listener) => inner.onChange(listener),
    close: (how) => inner.close(how),
    faults: () => faults,
  }
}
