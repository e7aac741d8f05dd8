// How is a command's output passed on to the last byte?
import type { Kube } from '../client/client.ts'
import { hasStatus } from '../client/error.ts'

export type OutputDeps = {
  readonly kube: Kube
  /** `/api/v1/namespaces/…/pods/…/log` */
  readonly path: string
  readonly container: string
  /** Whether the command has ended: its output is complete. */
  readonly ended: () => boolean
  /** Resolves when it has ended. */
  readonly end: Promise<unknown>
  readonly signal: AbortSignal
}

const firstDelayMs = 200
const lastDelayMs = 5_000
/** How often reading the end of the output may fail. */
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
 * Follows the log from its start; when the connection breaks, it reads again and skips what has come already. Reads once more
 * when the command has ended, since the end of a followed log is sometimes late. Resolves when everything was passed on, or
 * with the signal.
 */
export async function followOutput(deps: OutputDeps, bytes: (chunk: Buffer) => boolean): Promise<void> {
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
