// What does a client do with a controller of another version?
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { productVersion } from '@deis/types'
import { deis, homeOf, type Reply, startController } from '../testbed.ts'
import { skewNote, versionsIn } from './skew.ts'
import { clientVersion } from './version.ts'

const origin = 'https://deis.example.com'
const note = (api: string | undefined, product: string | undefined, own = '1.4.2') =>
  skewNote(versionsIn({ deis_api_version: api, 'deis-version': product }), origin, own)

test.each([
  ['the same', '2.3', '1.4.2', null],
  ['another patch', '2.3.1', '1.4.9', null],
  ['a newer minor API', '2.10', '1.4.2', null],
  ['the original controller', '2.3', undefined, null],
  ['an odd version', '2.3', '1.4.2\u001b[31m', null],
  [
    'a newer platform',
    '2.3',
    '1.10.0',
    'is Deis 1.10.0, newer than this client (1.4.2). To upgrade the client: curl -fsSL https://deis.example.com/install.sh | sh',
  ],
  [
    'an older platform',
    '2.3',
    '0.9.9-rc.1',
    'is Deis 0.9.9-rc.1, older than this client (1.4.2); some commands may not work there.',
  ],
  ['an older minor API', '2.2', '1.4.2', 'Server version: 2.2'],
  ['no API version', undefined, undefined, 'Server version: not announced'],
  ['an API version of another form', '2', '1.4.2', 'Server version: 2'],
])('%s', (_, api, product, text) => {
  if (text === null) expect(note(api, product)).toBeNull()
  else expect(note(api, product)).toContain(text)
})

test('client and controller of one build have one version', () => {
  expect(clientVersion).toBe(`v${productVersion}`)
})

const asked = 'GET /v2/apps/?limit=100'
const newer = { 'Deis-Version': '99.1.0' }
const list = (headers: Record<string, string>): Reply => ({ json: { count: 0, results: [] }, headers })
const hour = 3_600_000

describe('a note', () => {
  test('is printed once a day for each controller, and the answer is used', async () => {
    const [one, two] = await Promise.all([
      startController({ [asked]: list(newer) }),
      startController({ [asked]: list(newer) }),
    ])
    const home = homeOf(one)
    const other = join(home, 'two.json')
    writeFileSync(other, JSON.stringify({ controller: two.url, token: 't' }))
    const said = async (at: number, ...args: string[]): Promise<boolean> => {
      const { code, stdout, stderr } = await deis(['apps', ...args], { home, clock: [at] })
      expect({ code, stdout }).toEqual({ code: 0, stdout: '=== Apps\n' })
      if (stderr !== '') expect(stderr).toMatch(/^! {4}http\S+ is Deis 99\.1\.0, newer than this client .*\n$/)
      return stderr !== ''
    }
    expect(await said(hour)).toBe(true)
    expect(await said(2 * hour)).toBe(false)
    expect(await said(2 * hour, '-c', other)).toBe(true)
    expect(await said(25 * hour)).toBe(true)
    expect(await said(26 * hour, '-c', other)).toBe(true)
    // A clock that was put back does not silence it for ever.
    expect(await said(hour)).toBe(true)
  })

  test('is not printed with --json, and does not count as printed then', async () => {
    const controller = await startController({ [asked]: list(newer) })
    const home = homeOf(controller)
    expect(await deis(['apps', '--json'], { home })).toMatchObject({ code: 0, stderr: '' })
    expect((await deis(['apps'], { home })).stderr).toContain('99.1.0')
  })

  test('is not printed where it cannot be remembered', async () => {
    const controller = await startController({ [asked]: list(newer) })
    const home = homeOf(controller)
    mkdirSync(join(home, '.deis/noted'))
    expect(await deis(['apps'], { home })).toMatchObject({ code: 0, stderr: '' })
  })

  test('a file of another form is replaced', async () => {
    const controller = await startController({ [asked]: list(newer) })
    const home = homeOf(controller)
    for (const content of ['', '[]', '{"x":"y"}', 'null', '\0']) {
      writeFileSync(join(home, '.deis/noted'), content)
      expect((await deis(['apps'], { home })).stderr).toContain('99.1.0')
    }
  })
})

describe('a route that the controller does not have is named', () => {
  const hint = (url: string) =>
    `Upgrade the platform, or install its own client: \`curl -fsSL ${url}/install.sh | sh\`.\n`
  test.each([
    [404, '{"detail":"Not found."}'],
    [405, '{"detail":"Method \\"GET\\" not allowed."}'],
  ])('%s', async (status, text) => {
    const controller = await startController({ [asked]: { status, text, headers: { 'Deis-Version': '0.0.9' } } })
    const { code, stderr } = await deis(['apps'], { home: homeOf(controller) })
    expect(code).toBe(1)
    expect(stderr).toContain(
      `Error: Not Found: the controller does not have GET /v2/apps/. It is Deis 0.0.9, and this client is ${clientVersion}.\n${hint(controller.url)}`,
    )
    const own = await startController({ [asked]: { status, text, headers: { 'Deis-Version': productVersion } } })
    expect((await deis(['apps'], { home: homeOf(own) })).stderr).not.toContain('does not have')
  })
})

test('another major version of the API is refused', async () => {
  const headers = { DEIS_API_VERSION: '3.0', 'Deis-Version': '2.0.0' }
  const controller = await startController({
    [asked]: list(headers),
    'POST /v2/apps/foo/domains/': { status: 201, json: {}, headers },
    'GET /v2/': { status: 401, headers },
  })
  const home = homeOf(controller)
  const refused = `Error: ${controller.url} speaks version 3.0 of the API, and this client version 2.3.`
  const hint = `Install the client of that platform: \`curl -fsSL ${controller.url}/install.sh | sh\`.\n`
  expect(await deis(['apps'], { home })).toMatchObject({ code: 1, stdout: '', stderr: `${refused}\n${hint}` })
  const { stderr } = await deis(['domains:add', 'a.com', '-a', 'foo'], { home })
  expect(stderr).toBe(`${refused} What this command asked for may have been done.\n${hint}`)
  expect((await deis(['login', controller.url], { home })).stderr).toContain(refused)
})
