// Are copies of images deleted from the engine when no release needs them, also after the settings name another registry?
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Client } from '../engine/client.ts'
import { EngineError } from '../engine/error.ts'
import { copiesOf, pruneCopies } from './copies.ts'

const never = new AbortController().signal
const [one, two] = ['1', '2'].map((digit) => `sha256:${digit.repeat(64)}`)
const oldTarget = { host: 'old.test', organization: '' }
const newTarget = { host: 'new.test:5000', organization: 'shop' }

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deis-copies-'))
})
afterEach(() => rm(folder, { recursive: true }))

/** An engine with copies by these references; those in use cannot be deleted. */
function engineWith(copies: Set<string>, used = new Set<string>()) {
  return {
    async read() {
      return [...copies].map((reference) => ({ Id: reference, Created: 1, RepoDigests: [reference] }))
    },
    async send(what: string, { path }: { path: string }) {
      const reference = decodeURIComponent(path.slice('/images/'.length))
      if (used.has(reference)) throw new EngineError(what, 409)
      copies.delete(reference)
    },
  } as unknown as Client
}

test('those of a former registry go when no release needs them, and nobody else’s', async () => {
  const file = join(folder, 'copies.json')
  const theirs = [`old.test/other@${one}`, `new.test:5000/other@${one}`]
  const copies = new Set([`old.test/tea@${one}`, `old.test/tea@${two}`, ...theirs])
  const used = new Set<string>()
  const prune = (beginnings: readonly string[], keep: readonly string[]): Promise<void> =>
    pruneCopies({ engine: engineWith(copies, used), file }, beginnings, new Set(keep), never)
  await prune(copiesOf(oldTarget, new Set(['tea'])), [`old.test/tea@${two}`])
  expect([...copies]).toEqual([`old.test/tea@${two}`, ...theirs])

  // Another registry from here on: a release still runs what the former one had.
  const now = copiesOf(newTarget, new Set(['tea']))
  copies.add(`new.test:5000/shop/tea@${one}`)
  await prune(now, [`old.test/tea@${two}`, `new.test:5000/shop/tea@${one}`])
  expect(copies.has(`old.test/tea@${two}`)).toBe(true)

  // No release has it any more, but a container still does.
  used.add(`old.test/tea@${two}`)
  await prune(now, [`new.test:5000/shop/tea@${one}`])
  used.clear()
  await prune(now, [`new.test:5000/shop/tea@${one}`])
  expect([...copies]).toEqual([...theirs, `new.test:5000/shop/tea@${one}`])
  // What is gone is not looked for for ever.
  expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(now)
})

test.each([
  [newTarget, ['new.test:5000/shop/']],
  [oldTarget, ['old.test/tea@', 'old.test/web@']],
])('what begins like an image in %j is ours', (target, expected) => {
  expect(copiesOf(target, new Set(['tea', 'web']))).toEqual(expected)
})

test('those that the store of containerd lists among the tags only go, and tags stay', async () => {
  const deleted: string[] = []
  const image = {
    Id: one,
    Created: 1,
    RepoTags: [`old.test/tea@${one}`, 'deis/tea:b-1', 'old.test/tea:latest'],
    RepoDigests: [`deis/tea@${one}`],
  }
  const engine = {
    read: async () => [image],
    send: async (_: string, { path }: { path: string }) => void deleted.push(decodeURIComponent(path)),
  } as unknown as Client
  const beginnings = copiesOf(oldTarget, new Set(['tea']))
  await pruneCopies({ engine, file: join(folder, 'copies.json') }, beginnings, new Set(), never)
  expect(deleted).toEqual([`/images/old.test/tea@${one}`])
})
