// Which layers of builds of Dockerfiles does the engine keep for the next ones, and when are they deleted?
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type Static, Type } from 'typebox'
import { Check } from 'typebox/value'
import type { Log } from '@deis/ports/backend'
import type { Client } from '../engine/client.ts'
import { hasStatus } from '../engine/error.ts'
import { namesOf } from '../engine/objects.ts'

// The classic builder makes an image of each step. Those that no later image was built on have no name and no label: what
// is the platform's is written down as it is made.

/** When each was last made or used, by its id. */
const Record_ = Type.Record(Type.String({ pattern: '^sha256:[0-9a-f]{64}$' }), Type.Number())
type Layers = Readonly<Record<string, number>>

const Words = Type.Optional(Type.Union([Type.Array(Type.String()), Type.Null()]))
export const All = Type.Array(
  Type.Object({
    Id: Type.String(),
    ParentId: Type.String(),
    Created: Type.Number(),
    Size: Type.Number(),
    RepoTags: Words,
    RepoDigests: Words,
  }),
)
type All = Static<typeof All>

/** What a build printed of its layers: twelve characters of each id. */
export type Seen = { readonly made: Set<string>; readonly used: Set<string> }

const maxLayers = 20_000
const noteMs = 60_000
/** Clocks of an engine elsewhere may differ a little. */
const slackSeconds = 5

/** Takes the output of the classic builder, text by text. */
export function watchLayers(): Seen & { take(text: string): void } {
  const seen: Seen = { made: new Set(), used: new Set() }
  let step: 'base' | 'cached' | 'new' = 'base'
  return {
    ...seen,
    take(text) {
      const [, instruction] = /^Step \d{1,5}\/\d{1,5} : (\w{1,20})/.exec(text) ?? []
      if (instruction !== undefined) step = instruction.toUpperCase() === 'FROM' ? 'base' : 'new'
      else if (text === ' ---> Using cache\n') step = 'cached'
      const [, id] = /^ ---> ([0-9a-f]{12})\n$/.exec(text) ?? []
      // What a Dockerfile begins with is not ours.
      if (id !== undefined && step !== 'base') (step === 'new' ? seen.made : seen.used).add(id)
    },
  }
}

const isNamed = (image: All[number]): boolean => namesOf(image).length > 0

/** Pure: what is known after a build that began then. A text of a build could name any image: only what was made since counts. */
export function noted(layers: Layers, all: All, seen: Seen, began: number, now: number): Layers {
  const next: Record<string, number> = {}
  for (const image of all) {
    const short = image.Id.slice('sha256:'.length, 'sha256:'.length + 12)
    const before = layers[image.Id]
    const isNew = seen.made.has(short) && image.Created >= began / 1000 - slackSeconds && !isNamed(image)
    if (isNew || (before !== undefined && seen.used.has(short))) next[image.Id] = now
    else if (before !== undefined) next[image.Id] = before
  }
  return next
}

/** Pure: which of ours go, in this order, until the rest is within the limit. What an image with a name needs, or one of others, costs nothing. */
export function excess(layers: Layers, all: All, limit: number): string[] {
  const byId = new Map(all.map((image) => [image.Id, image]))
  const isOurs = (image: All[number]): boolean => layers[image.Id] !== undefined && !isNamed(image)
  const needed = new Set<string>()
  for (const image of all) {
    if (isOurs(image)) continue
    for (let at: All[number] | undefined = image; at && !needed.has(at.Id); at = byId.get(at.ParentId))
      needed.add(at.Id)
  }
  const depth = (image: All[number]): number => {
    let steps = 0
    for (let at = byId.get(image.ParentId); at && steps < maxLayers; at = byId.get(at.ParentId)) steps++
    return steps
  }
  const ownBytes = ({ Size, ParentId }: All[number]): number => Math.max(0, Size - (byId.get(ParentId)?.Size ?? 0))
  const kept = all
    .filter((image) => isOurs(image) && !needed.has(image.Id))
    .map((image) => ({ id: image.Id, at: layers[image.Id] ?? 0, depth: depth(image), bytes: ownBytes(image) }))
    // A child before its parent, which is used at least as lately.
    .toSorted((one, other) => one.at - other.at || other.depth - one.depth)
  let total = kept.reduce((all, { bytes }) => all + bytes, 0)
  const gone: string[] = []
  for (const { id, bytes } of kept) {
    if (total <= limit && kept.length - gone.length <= maxLayers) break
    gone.push(id)
    total -= bytes
  }
  return gone
}

async function load(file: string): Promise<Layers> {
  try {
    const stored: unknown = JSON.parse(await readFile(file, 'utf8'))
    return Check(Record_, stored) ? stored : {}
  } catch {
    // Missing or broken: those layers stay until somebody prunes the engine.
    return {}
  }
}

export type LayerCache = {
  /** Never fails: what cannot be written down now stays until somebody prunes the engine. */
  note(seen: Seen, began: number): Promise<void>
  /** Deletes all that no image needs. Never fails. */
  empty(): Promise<void>
}

type Deps = { readonly engine: Client; readonly file: string; readonly limit: number; readonly log: Log }

/** One build after the other: they share what is written down. */
export function openLayers({ log, ...where }: Deps): LayerCache {
  let last: Promise<void> = Promise.resolve()
  const keep = (limit: number, seen: Seen, began: number): Promise<void> => {
    last = last
      .then(() => keepLayers({ ...where, limit }, seen, began, AbortSignal.timeout(noteMs)))
      .catch((error: unknown) => log('warn', 'layers of builds could not be counted', { err: error }))
    return last
  }
  return {
    note: (seen, began) => keep(where.limit, seen, began),
    empty: () => keep(0, { made: new Set(), used: new Set() }, Date.now()),
  }
}

/** Writes down what a build made, and deletes what was used the longest ago when it is too much. */
async function keepLayers(
  { engine, file, limit }: Omit<Deps, 'log'>,
  seen: Seen,
  began: number,
  signal: AbortSignal,
): Promise<void> {
  const call = { method: 'GET', path: '/images/json', query: { all: true } } as const
  const all = await engine.read('listing layers of builds', All, call, signal)
  const layers = noted(await load(file), all, seen, began, Date.now())
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  await writeFile(`${file}.new`, JSON.stringify(layers), { mode: 0o600 })
  await rename(`${file}.new`, file)
  for (const id of excess(layers, all, limit)) {
    const one = { method: 'DELETE', path: `/images/${id}`, query: { noprune: true } } as const
    await engine.send('deleting a layer of a build', one, signal).catch((error: unknown) => {
      // 409: somebody builds on it.
      if (!hasStatus(error, 404, 409)) throw error
    })
  }
}
