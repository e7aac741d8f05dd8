// What are the last log lines of a container?
import type { Kube } from '../client/client.ts'
import { hasStatus } from '../client/error.ts'
import { pathOf } from '../client/objects.ts'
import { createSplitter } from '@deis/lib/split'

export type Which = {
  readonly namespace: string
  readonly pod: string
  readonly container: string
  readonly lines: number
  /** Of the container's run before the present one. */
  readonly previous: boolean
}

const readMs = 10_000
const maxLineBytes = 2 * 1024
/** Of all lines before they are cut. Not small, because the API counts from the oldest line that it returns. */
const maxBytes = 4 * 1024 * 1024

/** What kubelets answer, as a success, when the runtime has removed the container. */
const lost = /^unable to retrieve container logs for /

/** None if the pod or the run does not exist, or has not started. Longer lines are cut. */
export async function readLastLines(kube: Kube, which: Which): Promise<string[]> {
  const { namespace, pod, container, lines, previous } = which
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(new Error(`the log of ${pod} did not come within ${readMs} ms`)), readMs)
  try {
    const query = { container, previous, tailLines: lines, limitBytes: maxBytes }
    const body = await kube.stream(pathOf('v1/Pod', namespace, pod, 'log'), query, late.signal)
    const splitter = createSplitter(maxLineBytes)
    const found: string[] = []
    for await (const chunk of body) {
      found.push(...splitter.push(chunk as Buffer))
      found.splice(0, found.length - lines)
    }
    found.push(...splitter.flush())
    return found.filter((line) => !lost.test(line)).slice(-lines)
  } catch (error) {
    if (hasStatus(error, 400) || hasStatus(error, 404)) return []
    late.signal.throwIfAborted()
    throw error
  } finally {
    clearTimeout(timer)
  }
}
