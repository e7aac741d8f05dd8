// Is an import that nobody needs refused at small cost, with an answer that can be read?
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { bounds } from '../domain/apps/bounds.ts'
import { tarEnd, tarHeader, tarPadding } from '../domain/move/tar.ts'
import { type Fixture, openFixture } from './fixture.ts'
import { appRecord, created, emptyMaps } from '../domain/move/records-testing.ts'

const app = appRecord
const maps = emptyMaps
const about = { owner: 'ann', created }
const rest = [
  { kind: 'config', index: 0, ...about, ...maps },
  { kind: 'release', version: 1, ...about, summary: 'x', state: 'deployed', exception: null, config: 0, build: null },
]

function archiveOf(records: readonly unknown[], changes: object = {}): Buffer {
  const now = new Date()
  const content = Buffer.from(records.map((record) => `${JSON.stringify(record)}\n`).join(''))
  const sha256 = createHash('sha256').update(content).digest('hex')
  const manifest = {
    format: 'deis-app',
    version: 1,
    platform: '2.3.0',
    created,
    app: 'tea',
    from: 'example.com',
    scheduler: 'process',
    machine: 'linux-x64',
    commit: false,
    files: [{ name: 'records.jsonl', size: content.length, sha256 }],
    ...changes,
  }
  const entry = (name: string, bytes: Buffer): Buffer[] => [
    tarHeader(name, bytes.length, now),
    bytes,
    tarPadding(bytes.length),
  ]
  const head = entry('manifest.json', Buffer.from(JSON.stringify(manifest)))
  return Buffer.concat([...head, ...entry('records.jsonl', content), tarEnd])
}

let to: Fixture
let eve: string
beforeAll(async () => {
  to = await openFixture()
  await to.user('root')
  eve = await to.user('eve')
})
afterAll(() => to.close())

async function refusal(archive: Buffer): Promise<string> {
  const { statusCode, body } = await to.server.inject({
    method: 'POST',
    url: '/v2/import/',
    headers: { authorization: `token ${eve}`, 'content-type': 'application/x-tar' },
    payload: archive,
  })
  expect(statusCode, body).toBe(400)
  expect(await to.core.db.app.count()).toBe(0)
  return (JSON.parse(body) as { detail: string }).detail
}

const many = <T>(count: number, one: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => one(index))
const counts = (count: number): Record<string, number> =>
  Object.fromEntries(many(count, (index) => [`t${index}`, 1] as const))

it('names 50 problems, and reads no further', async () => {
  const certificates = many(bounds.certificatesOfUser, (index) => ({
    kind: 'certificate',
    name: `c${index}`,
    certificate: 'x',
    key: 'y',
  }))
  const domains = many(bounds.domainsOfApp, (index) => ({ domain: `d${index}.test`, certificate: `other${index}` }))
  const text = await refusal(archiveOf([{ ...app, domains }, ...certificates, { ...rest[0] }, { ...rest[1] }]))
  expect(text).toContain('"tea" cannot be imported, and nothing was changed:')
  expect(text.split('\n').length).toBeLessThanOrEqual(52)
  const unknown = await refusal(archiveOf([{ ...app, domains }, ...rest]))
  expect(unknown.match(/ {2}- The certificate "other\d+"/g)).toHaveLength(50)
  expect(unknown).toMatch(/There may be more\.$/)
})

it.each([
  ['structure', 'of types that its build does not have'],
  ['removed', 'of types that were removed'],
])('more counts in %s than an app keeps are refused', async (field, message) => {
  expect(await refusal(archiveOf([{ ...app, [field]: counts(201) }, ...rest]))).toContain(message)
})

it.each(['from', 'app', 'platform', 'scheduler', 'machine'])('control characters in %s are refused', async (key) => {
  expect(await refusal(archiveOf([app, ...rest], { [key]: 'x\u001B[2J' }))).toContain(
    `its manifest is invalid (/${key} contains control characters)`,
  )
})
