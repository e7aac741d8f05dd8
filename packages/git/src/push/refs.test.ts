// Which ref of a push is deployed, and which pushes are refused, with what to do?
import { expect, test } from 'vitest'
import { isGoodRef } from '@deis/ports/git-ref'
import { branchesMatter, parseUpdates, planPush, PushRefused } from './refs.ts'

const none = '0'.repeat(40)
const old = 'a'.repeat(40)
const sha = 'b'.repeat(40)

const to = (ref: string): string => `${none} ${sha} ${ref}`
const branch = (name: string): string => to(`refs/heads/${name}`)

function plan(lines: readonly string[], situation: { deploy?: string; existing?: string[]; any?: boolean } = {}) {
  const { deploy, refused, claims } = planPush({
    updates: parseUpdates(lines.map((line) => `${line}\n`).join('')),
    deployBranch: situation.deploy ?? null,
    existing: situation.existing ?? [],
    anyBranch: situation.any ?? false,
  })
  return { deploy: deploy?.ref ?? null, refused: [...refused.keys()], claims }
}

test.each([
  { push: [branch('main')], deploy: 'refs/heads/main' },
  { push: [branch('master')], deploy: 'refs/heads/master' },
  { push: [branch('master')], existing: ['main'], deploy: 'refs/heads/master' },
  { push: [`${old} ${sha} refs/heads/main`], existing: ['main'], deploy: 'refs/heads/main' },
  // The first branch of an empty repository becomes the deploy branch.
  { push: [branch('develop')], deploy: 'refs/heads/develop', claims: 'develop' },
  { push: [branch('release/1')], deploy: 'refs/heads/release/1', claims: 'release/1' },
  { push: [branch('develop'), to('refs/tags/v1')], deploy: 'refs/heads/develop', claims: 'develop' },
  { push: [branch('develop')], existing: ['main'], deploy: null, refused: ['refs/heads/develop'] },
  { push: [branch('a'), branch('b')], deploy: null, refused: ['refs/heads/a', 'refs/heads/b'] },
  { push: [branch('main'), branch('b')], deploy: 'refs/heads/main', refused: ['refs/heads/b'] },
  // A deploy branch that was set is the only one.
  { push: [branch('develop')], set: 'develop', existing: ['main'], deploy: 'refs/heads/develop' },
  { push: [branch('main')], set: 'develop', deploy: null, refused: ['refs/heads/main'] },
  { push: [branch('feature')], set: 'develop', deploy: null, refused: ['refs/heads/feature'] },
  // Tags and deletes are taken and never built.
  { push: [to('refs/tags/v1'), to('refs/tags/v2')], deploy: null },
  { push: [branch('main'), to('refs/tags/v1')], deploy: 'refs/heads/main' },
  { push: [`${old} ${none} refs/heads/main`], existing: ['main'], deploy: null },
  { push: [`${old} ${none} refs/heads/feature`, branch('main')], existing: ['feature'], deploy: 'refs/heads/main' },
  { push: [to('refs/notes/commits')], deploy: null, refused: ['refs/notes/commits'] },
  // Deis' own rule.
  { push: [branch('feature')], any: true, existing: ['main'], deploy: 'refs/heads/feature' },
  { push: [to('refs/tags/v1')], any: true, deploy: 'refs/tags/v1' },
  { push: [branch('feature'), to('refs/tags/v1')], any: true, deploy: 'refs/heads/feature' },
  { push: [branch('feature'), `${old} ${none} refs/heads/old`], any: true, deploy: 'refs/heads/feature' },
  { push: [], deploy: null },
])('$push, set $set, there $existing, any $any', ({ push, deploy, ...rest }) => {
  const {
    existing,
    set,
    any,
    refused = [],
    claims = null,
  } = rest as {
    existing?: string[]
    set?: string
    any?: boolean
    refused?: string[]
    claims?: string | null
  }
  expect(plan(push, { deploy: set, existing, any })).toEqual({ deploy, refused, claims })
  // Where branches are not read, those that there are would change nothing.
  const updates = parseUpdates(push.map((line) => `${line}\n`).join(''))
  if (!branchesMatter({ updates, deployBranch: set ?? null }))
    for (const others of [[], ['main'], ['master', 'other']])
      expect(plan(push, { deploy: set, existing: others, any })).toEqual({ deploy, refused, claims })
})

test('the branches that there are matter only beside the usual or the chosen one', () => {
  const matter = (name: string, deployBranch: string | null): boolean =>
    branchesMatter({ updates: parseUpdates(branch(name)), deployBranch })
  expect([matter('main', null), matter('master', null), matter('develop', 'develop')]).toEqual([false, false, false])
  expect([matter('develop', null), matter('main', 'develop')]).toEqual([true, true])
})

test.each([
  { push: [branch('main'), branch('master')], any: false },
  { push: [branch('a'), branch('b')], any: true },
])('several deployable refs are refused: $push', ({ push, any }) => {
  expect(() => plan(push, { any })).toThrow(PushRefused)
})

test('a refused branch says what to do', () => {
  const why = (existing: string[], deployBranch: string | null): string | undefined =>
    planPush({ updates: parseUpdates(branch('feature')), deployBranch, existing, anyBranch: false }).refused.get(
      'refs/heads/feature',
    )
  expect(why(['main'], null)).toBe(
    'feature is not deployed here, only main or master is. To deploy it: git push deis feature:main',
  )
  expect(why(['master'], null)).toMatch(/git push deis feature:master$/)
  expect(why([], 'develop')).toBe(
    'feature is not deployed here, only develop is. To deploy it: git push deis feature:develop',
  )
})

test.each([
  ['x', 'malformed line [x]'],
  [`${none} ${sha}`, `malformed line [${none} ${sha}]`],
  [`${none} ${sha} refs/heads/a b`, `malformed line [${none} ${sha} refs/heads/a b]`],
  [`${none} HEAD refs/heads/main`, 'git sha HEAD was invalid'],
  [`${none} ${'a'.repeat(64)} refs/heads/main`, `git sha ${'a'.repeat(64)} was invalid`],
  [`${none} --output=x refs/heads/main`, 'git sha --output=x was invalid'],
  [`${none} ${sha} refs/heads/-x`, '"refs/heads/-x" is not a name for a branch or tag'],
])('hook line %j', (line, message) => {
  expect(() => parseUpdates(line)).toThrow(new PushRefused(message))
})

test.each([
  ['refs/heads/main', true],
  ['refs/heads/feature/ünï-1.2_3', true],
  ['refs/heads/a@b', true],
  ['refs/', false],
  ['HEAD', false],
  ['main', false],
  ['--upload-pack=x', false],
  ['refs/heads/', false],
  ['refs/heads//x', false],
  ['refs/heads/-x', false],
  ['refs/heads/x/-y', false],
  ['refs/heads/.x', false],
  ['refs/heads/x.lock', false],
  ['refs/heads/x.', false],
  ['refs/heads/a..b', false],
  ['refs/heads/a@{b', false],
  ['refs/heads/a b', false],
  ['refs/heads/a~1', false],
  ['refs/heads/a\u001b[2J', false],
  ['refs/heads/a\\b', false],
  [`refs/heads/${'x'.repeat(300)}`, false],
])('ref %j: %s', (ref, good) => {
  expect(isGoodRef(ref)).toBe(good)
})
