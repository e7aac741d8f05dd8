// How does what a command says reach whoever waits for it, to the last byte?
import type { Kube } from '../../client/client.ts'
import { hasStatus } from '../../client/error.ts'

export type OutputDeps = {
  readonly kube: Kube
  /** `/api/v1/namespaces/…/pods/…/log` */
  readonly path: string
  readonly container: string
  /** The command has ended: what it said is complete. */
  readonly ended: () => boolean
  /** Resolves when it has. */
  readonly end: Promise<unknown>
  readonly signal: AbortSignal
}

const firstDelayMs = 200
const lastDelayMs = 5_000
/** How often the end of the output is asked for in vain. */
const maxFailures = 8

async function wait(ms: number, end: Promise<unknown>, signal: AbortSignal): Promise<void> {
  let wake = (): void => {}
  const over = new Promise<void>((resolve) => {
    wake = resolve
  })
  const timer = setTimeout(wake, ms)
  signal.addEventListener('abort', wake)
  await Promise.race([over, end])
  clearTimeout(timer)
  signal.removeEventListener('abort', wake)
}

/**
 * The log from its start, followed; after a cut what has come already is skipped. Once more when the command has ended: the
 * end of a followed log is known to be late at times. Resolves when everything has come, early with the signal.
 */
export async function handOn(deps: OutputDeps, bytes: (chunk: Buffer) => boolean): Promise<void> {
  const { kube, path, container, ended, end, signal } = deps
  let got = 0
  /** Whether more is wanted. */
  const readOnce = async (follow: boolean): Promise<boolean> => {
    const body = await kube.stream(path, { container, follow }, signal)
    try {
      let skip = got
      for await (const chunk of body) {
        const fresh = (chunk as Buffer).subarray(skip)
        skip = Math.max(0, skip - (chunk as Buffer).length)
        got += fresh.length
        if (fresh.length > 0 && !bytes(fresh)) return false
      }
      return true
    } finally {
      body.destroy()
    }
  }
  let failures = 0
  for (let delay = firstDelayMs; !signal.aborted; delay = Math.min(delay * 2, lastDelayMs)) {
    const whole = ended()
    try {
      const more = await readOnce(!whole)
      if (whole || !more) return
    } catch (error) {
      if (signal.aborted) return
      // The pod has gone, or its node has thrown the log away.
      const lost = hasStatus(error, 404) || (whole && hasStatus(error, 400))
      if (lost || (whole && ++failures === maxFailures)) {
        const why = error instanceof Error ? error.message : String(error)
        bytes(Buffer.from(`\nThe end of the output could not be read: ${why}\n`))
        return
      }
    }
    if (!ended()) await wait(delay, end, signal)
    else if (whole) await wait(delay, new Promise(() => {}), signal)
  }
}
