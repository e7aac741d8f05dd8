// In which words is a fault of the backend told: a cluster's own, or those of one machine?
import type { Core } from './core.ts'

type Words = { readonly cluster: string; readonly machine: string }

export async function backendWords({ scheduler }: Pick<Core, 'scheduler'>, words: Words): Promise<string> {
  // One that cannot even be asked is not a part of this machine.
  const cluster = await scheduler.capabilities().then(
    (can) => can.cluster,
    () => true,
  )
  return cluster ? words.cluster : words.machine
}
