// Which volumes do builds have?
import { Type } from 'typebox'
import type { Engine } from '../engine/engine.ts'

const Labels = Type.Optional(Type.Union([Type.Record(Type.String(), Type.String()), Type.Null()]))
const VolumeList = Type.Object({
  Volumes: Type.Optional(Type.Union([Type.Array(Type.Object({ Name: Type.String(), Labels })), Type.Null()])),
})

const never = new AbortController().signal

/** Makes it; one of that name is used as it is. Its answer is waited for: whoever gives up deletes what is there then. */
export async function ensureVolume(
  engine: Engine,
  name: string,
  labels: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted()
  const body = { Name: name, Labels: labels }
  await engine.send('making a volume for a build', { method: 'POST', path: '/volumes/create', body }, never)
}

/** Those with all of these labels, `name=value`. */
export async function listVolumes(
  engine: Engine,
  labels: readonly string[],
  signal: AbortSignal,
): Promise<readonly { readonly name: string; readonly labels: Readonly<Record<string, string>> }[]> {
  const call = { method: 'GET', path: '/volumes', query: { filters: { label: labels } } } as const
  const { Volumes } = await engine.read('listing volumes', VolumeList, call, signal)
  return (Volumes ?? []).map(({ Name, Labels }) => ({ name: Name, labels: Labels ?? {} }))
}
