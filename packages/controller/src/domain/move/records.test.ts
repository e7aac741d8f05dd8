// Is a small archive that asks for much work, or says what the API would not take, refused line by line?
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { bounds } from '../apps/bounds.ts'
import { limits } from './format.ts'
import { configOf, parseRecords } from './records.ts'
import { appRecord, buildRecord as build, created, emptyMaps } from './records-testing.ts'

const app = { ...appRecord, structure: { web: 2 } }
const maps = { ...emptyMaps, values: { A: '1' } }
const config = { kind: 'config', index: 0, owner: 'ann', created, ...maps }
const release = {
  kind: 'release',
  version: 1,
  owner: 'ann',
  created,
  summary: 'ann created initial release',
  state: 'deployed',
  exception: null,
  config: 0,
  build: null,
}
const certificate = (index: number) => ({ kind: 'certificate', name: `c${index}`, certificate: 'x', key: 'y' })
const many = <T>(count: number, one: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => one(index))

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deis-records-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function parse(...lines: readonly unknown[]): ReturnType<typeof parseRecords> {
  const file = join(folder, 'records.jsonl')
  await writeFile(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  return parseRecords(file)
}

const probed = (healthcheck: unknown) => [app, { ...config, healthcheck }, release]
const dated = (date: string) => [app, config, { ...release, created: date }]

test.each<[string, readonly unknown[], string | RegExp]>([
  ['certificates', [app, ...many(20_000, certificate)], `line ${bounds.certificatesOfUser + 2} of its records`],
  [
    'domains',
    [{ ...app, domains: many(bounds.domainsOfApp + 1, (index) => ({ domain: `d${index}.test`, certificate: null })) }],
    `more than ${bounds.domainsOfApp} domains`,
  ],
  [
    'configs',
    [app, ...many(limits.releases + 1, (index) => ({ ...config, index }))],
    `more than ${limits.releases} configs`,
  ],
  [
    'builds',
    [app, config, ...many(limits.releases + 1, (index) => ({ ...build, index }))],
    `more than ${limits.releases} builds`,
  ],
  [
    'releases',
    [app, config, ...many(limits.releases + 1, (index) => ({ ...release, version: index + 1 }))],
    `more than ${limits.releases} releases`,
  ],
])('too many %s are refused as they arrive', async (_, lines, message) => {
  const refused = parse(...lines)
  await expect(refused).rejects.toThrow(message)
  await expect(refused).rejects.toMatchObject({ code: 'invalid' })
})

test.each<[string, readonly unknown[], string | RegExp]>([
  [
    'a config that no release has',
    [app, config, { ...config, index: 1 }, release],
    'no release in it has its config 1',
  ],
  ['a build that no release has', [app, config, build, release], 'no release in it has its build 0'],
  ['a probe with text', probed({ 'web/cmd': { readinessProbe: { httpGet: 'abc' } } }), 'could not validate'],
  ['a probe with a list', probed({ 'web/cmd': { readinessProbe: { httpGet: [1] } } }), 'could not validate'],
  ['a probe that is a list', probed({ 'web/cmd': { readinessProbe: [] } }), 'could not validate'],
  ['probes that are a list', probed({ 'web/cmd': [] }), 'could not validate'],
  ['health checks that are a list', probed([]), 'config/healthcheck'],
  ['a date that is not one', dated('2026-02-31T25:61:61Z'), 'release/created "2026-02-31T25:61:61Z" is not a date'],
  ['31 February', dated('2026-02-31T00:00:00Z'), 'is not a date'],
  ['the year 0', dated('0000-01-01T00:00:00Z'), 'is not a date'],
  ['a config without a date', [app, { ...config, created: '2026-13-01T00:00:00Z' }, release], 'config/created'],
  ['a build without a date', [app, config, { ...build, created: '2026-13-01T00:00:00Z' }], 'build/created'],
  ['a number that leaves none', [app, config, { ...release, version: 999_999_999 }], 'release/version'],
  ['a branch that leads elsewhere', [{ ...app, deployBranch: '../main' }], '"../main" is not a name for a branch'],
  ['a branch like an option', [{ ...app, deployBranch: '--force' }], 'is not a name for a branch'],
  ['a branch with controls', [{ ...app, deployBranch: 'ma\u001B[2Jin' }], 'is not a name for a branch'],
  ['an empty branch', [{ ...app, deployBranch: '' }], 'is not a name for a branch'],
  ['a summary with controls', [app, config, { ...release, summary: 'x\u001B[2J' }], 'release/summary contains control'],
  ['an owner with controls', [app, config, { ...release, owner: 'a\nb' }], 'release/owner contains control'],
  ['a removed type that is not one', [{ ...app, removed: { '../x': 1 } }], '"../x" is not a process type'],
])('%s is refused', async (_, lines, message) => {
  const refused = parse(...lines)
  await expect(refused).rejects.toThrow(message)
  await expect(refused).rejects.toMatchObject({ code: 'invalid' })
})

test('a moment in the future becomes now', async () => {
  const before = Date.now() - 1_000
  const late = '2999-01-01T00:00:00Z'
  const parsed = await parse({ ...app, deployBranch: 'feature/tea' }, { ...config, created: late }, release)
  const stored = Date.parse(parsed.configs[0]?.created ?? '')
  expect(stored).toBeGreaterThanOrEqual(before)
  expect(stored).toBeLessThanOrEqual(Date.now())
  expect(parsed.releases[0]?.created).toBe(created)
})

test('probes that came from HEALTHCHECK_URL have no port, others keep theirs', async () => {
  const own = { livenessProbe: { httpGet: { path: '/' } }, readinessProbe: { httpGet: { path: '/', port: 80 } } }
  const [parsed] = (await parse(...probed({ 'web/cmd': own }))).configs
  if (!parsed) throw new Error('there is no config')
  expect(configOf(parsed).healthcheck).toEqual({ 'web/cmd': own })
})
