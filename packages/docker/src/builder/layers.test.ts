// Are only layers that builds of the platform made counted and deleted, the least used first, and none that is needed?
import { describe, expect, test } from 'vitest'
import { excess, noted, watchLayers } from './layers.ts'

const id = (name: string): string => `sha256:${name.padEnd(64, '0')}`
const short = (name: string): string => name.padEnd(12, '0')
const image = (name: string, parent: string, size: number, more: { tag?: string; created?: number } = {}) => ({
  Id: id(name),
  ParentId: parent === '' ? '' : id(parent),
  Size: size,
  Created: more.created ?? 1000,
  RepoTags: more.tag === undefined ? null : [more.tag],
  RepoDigests: null,
})

test('a build`s output names what it made and what it used, but not what it began with', () => {
  const watch = watchLayers()
  for (const text of [
    'Step 1/4 : FROM base AS first\n',
    ` ---> ${short('ba5e')}\n`,
    'Step 2/4 : RUN one\n',
    ' ---> Using cache\n',
    ` ---> ${short('c1')}\n`,
    'Step 3/4 : RUN two\n',
    ' ---> Running in 0123456789ab\n',
    'two\n',
    ` ---> ${short('ade2')}\n`,
    'Step 4/4 : FROM base\n',
    ` ---> ${short('ba5e')}\n`,
  ])
    watch.take(text)
  expect([...watch.made]).toEqual([short('ade2')])
  expect([...watch.used]).toEqual([short('c1')])
})

describe('what is written down', () => {
  const all = [
    image('a', '', 1),
    image('b', 'a', 2, { created: 1000 }),
    image('c', 'a', 2, { created: 900 }),
    image('d', 'a', 2, { tag: 'theirs:1' }),
  ]
  test.each([
    ['what was made since', ['b'], [], {}, { b: 5 }],
    ['not what was there before, whatever a build prints', ['c'], [], {}, {}],
    ['not what has a name', ['d'], [], {}, {}],
    ['what is used again, if it is ours', [], ['b', 'c'], { c: 1 }, { c: 5 }],
    ['nothing that is gone', [], [], { e: 1, b: 2 }, { b: 2 }],
  ])('%s', (_, made, used, before, expected) => {
    const seen = { made: new Set(made.map(short)), used: new Set(used.map(short)) }
    const ids = (some: object): object => Object.fromEntries(Object.entries(some).map(([name, at]) => [id(name), at]))
    expect(noted(ids(before) as Record<string, number>, all, seen, 1_000_000, 5)).toEqual(ids(expected))
  })
})

describe('what goes', () => {
  // base ← a ← b, base ← a ← c (a name), base ← d ← e, and somebody's f on d.
  const all = [
    image('ba5e', '', 100, { tag: 'base:1' }),
    image('a', 'ba5e', 110),
    image('b', 'a', 120),
    image('c', 'a', 130, { tag: 'deis/tea:b-1' }),
    image('d', 'ba5e', 150),
    image('e', 'd', 200),
  ]
  const layers = { [id('a')]: 1, [id('b')]: 1, [id('d')]: 2, [id('e')]: 2 }
  test.each([
    ['nothing within the limit', all, 110, []],
    ['the least used first; what an image with a name needs does not count', all, 109, ['b']],
    ['children before parents', all, 40, ['b', 'e', 'd']],
    ['nothing that somebody else builds on', [...all, image('f', 'd', 160)], 0, ['b', 'e']],
  ])('%s', (_, images, limit, expected) => {
    expect(excess(layers, images, limit)).toEqual(expected.map(id))
  })
})
