// How do pods of the memory scheduler start again, each by itself?
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { behaviour } from './memory-commands.ts'
import type { MemoryPod } from './memory-world.ts'
import type { Unready } from '../resume.ts'

const pauseMs = 20

const problemOf = ({ command, env }: MemoryPod): string | null => {
  const { exit } = behaviour(command, env)
  return exit === null ? null : `process exited with code ${exit}`
}

/** Tries again for as long as the pod is there. */
async function keepTrying(pod: MemoryPod, print: (pod: MemoryPod, text: string) => void): Promise<void> {
  while (!pod.gone.signal.aborted) {
    for (const line of behaviour(pod.command, pod.env).prints) print(pod, line)
    await sleep(pauseMs, undefined, { ref: false })
  }
}

/** Resolves when each of them is up, has failed, or will not be ready. */
export async function resumed(
  pods: readonly MemoryPod[],
  print: (pod: MemoryPod, text: string) => void,
  changed: (app: string) => void,
): Promise<void> {
  for (const pod of pods) pod.committed = true
  await turn()
  for (const pod of pods) {
    const { prints, neverReady } = behaviour(pod.command, pod.env)
    if (problemOf(pod) === null) for (const line of prints) print(pod, line)
    else void keepTrying(pod, print)
    if (!neverReady) pod.state = problemOf(pod) === null ? 'up' : 'error'
    changed(pod.app)
  }
}

export function unreadyOf(pods: readonly MemoryPod[]): Unready[] {
  return pods
    .filter(({ state }) => state !== 'up')
    .map((pod) => {
      const problem = problemOf(pod)
      return { pod: pod.name, type: pod.type, cause: problem ?? 'it does not listen', failed: problem !== null }
    })
}
