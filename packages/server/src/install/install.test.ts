// Which steps does an installation have, and what do they leave of what is there?
import { lstat, mkdir, mkdtemp, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { carryOut } from '../act/act.ts'
import { readRelease } from '../act/release.ts'
import type { Facts } from '../machine/facts.ts'
import { checkDomain, programPath } from './choose.ts'
import { mergeEnv, readEnv } from './env-file.ts'
import { controllerSettings, installPlan, type Wanted } from './plan.ts'
import { refusals } from './refusals.ts'
import { linesOf, type Step, withoutSecrets } from './step.ts'

const flags = { controller: ['--max-semi-space-size=1'], router: [] }
const wanted: Wanted = {
  release: { name: '1.0.0-abc', from: '/src/dist', flags },
  domain: 'apps.example.com',
  scheduler: null,
  email: null,
  acmeDirectory: null,
  usualScheduler: 'process',
  apiPort: 8000,
  gitPort: null,
  ipv6: true,
  path: '/usr/bin:/bin',
  newKey: 'f'.repeat(64),
  before: { controller: '', router: '', keys: '' },
}

const pathsOf = (steps: readonly Step[], kind: Step['kind']): string[] =>
  steps.flatMap((step) => (step.kind === kind && 'path' in step ? [step.path] : []))
const contentOf = (steps: readonly Step[], path: string): string =>
  steps.flatMap((step) => (step.kind === 'file' && step.path === path ? [step.content] : []))[0] ?? ''

test('all steps, in order: nothing is started before what it needs is there', () => {
  const steps = installPlan(wanted, 60)
  expect(steps.map(({ kind }) => kind).join(' ')).toBe(
    'user folder folder folder folder release file file file file file file file file link link link run run run run run wait run run run run run wait',
  )
  expect(pathsOf(steps, 'file')).toEqual([
    '/etc/deis/deis.env',
    '/etc/deis/router.env',
    '/etc/deis/keys.env',
    '/etc/systemd/system/deis-controller.socket',
    '/etc/systemd/system/deis-controller.service',
    '/etc/systemd/system/deis-router.socket',
    '/etc/systemd/system/deis-router.service',
    '/etc/systemd/system/deis-router-handover.service',
  ])
  expect(steps.flatMap((step) => (step.kind === 'file' ? [step.mode.toString(8)] : []))).toEqual([
    '600',
    '600',
    '600',
    '644',
    '644',
    '644',
    '644',
    '644',
  ])
  expect(readEnv(contentOf(steps, '/etc/deis/deis.env'))).toEqual(
    new Map([
      ['DEIS_PLATFORM_DOMAIN', 'apps.example.com'],
      ['DEIS_SCHEDULER', 'process'],
      ['DEIS_DATA_DIR', '/var/lib/deis'],
      ['DEIS_API_HOST', '127.0.0.1'],
      ['DEIS_API_PORT', '8000'],
      ['DEIS_PUBLIC_API', 'true'],
      ['DEIS_GIT_HOST', '::'],
      ['DEIS_ROUTER_PORT', '80'],
      ['DEIS_ROUTER_USER', 'deis-router'],
      ['DEIS_BACKUP_EVERY_HOURS', '24'],
      ['PATH', '/usr/bin:/bin'],
    ]),
  )
})

test.each<[string, string]>([
  ['', 'ListenStream=127.0.0.1:8000\nListenStream=[::]:2222\n'],
  ['DEIS_GIT_HOST=0.0.0.0\nDEIS_GIT_PORT=22\n', 'ListenStream=127.0.0.1:8000\nListenStream=0.0.0.0:22\n'],
])('with %j systemd keeps the ports of API and git open', (controller, lines) => {
  const steps = installPlan({ ...wanted, before: { ...wanted.before, controller } }, 60)
  expect(contentOf(steps, '/etc/systemd/system/deis-controller.socket')).toContain(lines)
})

test.each([
  [
    'DEIS_GIT_HOST=git.example.com\n',
    'DEIS_GIT_HOST in /etc/deis/deis.env is "git.example.com", which is not an IP address.',
  ],
  ['DEIS_GIT_PORT=0\n', 'DEIS_GIT_PORT in /etc/deis/deis.env is 0.'],
])('with %j systemd has nowhere to listen', (controller, message) => {
  expect(() => installPlan({ ...wanted, before: { ...wanted.before, controller } }, 60)).toThrow(message)
})

test('a dry run shows every file, and no secret', () => {
  const text = installPlan(wanted, 60).flatMap(linesOf).join('\n')
  expect(text).toContain('DEIS_ROUTER_KEY=(hidden)')
  expect(text).not.toContain(wanted.newKey)
  expect(text).toContain(
    'ExecStart=/opt/deis/current/bin/node --max-semi-space-size=1 /opt/deis/current/controller/main.js',
  )
})

test.each([
  ['DEIS_REGISTRATION_TOKEN=abc', 'DEIS_REGISTRATION_TOKEN=(hidden)'],
  ['DATABASE_URL=postgres://u:p@h/d', 'DATABASE_URL=(hidden)'],
  ['DEIS_ACME_DNS_PASSWORD="x"', 'DEIS_ACME_DNS_PASSWORD=(hidden)'],
  ['DEIS_API_PORT=8000', 'DEIS_API_PORT=8000'],
  ['DEIS_SECRET_KEY=', 'DEIS_SECRET_KEY='],
])('%s is shown as %s', (line, shown) => {
  expect(withoutSecrets(line)).toBe(shown)
})

test.each<[string, Partial<Wanted>, Record<string, string | undefined>]>([
  ['a new machine with an engine', { usualScheduler: 'docker' }, { DEIS_SCHEDULER: 'docker' }],
  [
    'an engine that came later does not move the apps',
    { usualScheduler: 'docker', before: { controller: 'DEIS_SCHEDULER=process\n', router: '', keys: '' } },
    { DEIS_SCHEDULER: 'process' },
  ],
  [
    'unless that is asked for',
    { scheduler: 'docker', before: { controller: 'DEIS_SCHEDULER=process\n', router: '', keys: '' } },
    { DEIS_SCHEDULER: 'docker' },
  ],
  [
    'without a domain, the installed one stays',
    { domain: null, before: { controller: 'DEIS_PLATFORM_DOMAIN=a.example\n', router: '', keys: '' } },
    { DEIS_PLATFORM_DOMAIN: 'a.example' },
  ],
  [
    'what the operator changed stays',
    { apiPort: 8001, before: { controller: 'DEIS_API_PORT=9000\nDEIS_MAX_PUSH_MB=7\n', router: '', keys: '' } },
    { DEIS_API_PORT: '9000', DEIS_MAX_PUSH_MB: '7' },
  ],
  ['without IPv6', { ipv6: false }, { DEIS_GIT_HOST: '0.0.0.0' }],
  ['another port for git', { gitPort: 2022 }, { DEIS_GIT_PORT: '2022' }],
])('settings: %s', (_, change, expected) => {
  const settings = readEnv(controllerSettings({ ...wanted, ...change }))
  expect(Object.fromEntries(Object.keys(expected).map((name) => [name, settings.get(name)]))).toEqual(expected)
})

test.each([
  ['', { A: '1' }, { B: '2' }, '# head\nA=1\nB=2\n'],
  ['# mine\nA=0\n\nC=3', { A: '1' }, { B: '2' }, '# mine\n\nC=3\nA=1\nB=2\n'],
  ['B="x y" # z\n', {}, { B: '2' }, 'B="x y" # z\n'],
  ['A=1\n', { A: '1' }, {}, 'A=1\n'],
  ['#A=1\n', { A: '1' }, {}, '#A=1\nA=1\n'],
])('%j with %j and %j', (before, always, otherwise, after) => {
  expect(mergeEnv(before, 'head', always, otherwise)).toBe(after)
})

test.each([
  ['Apps.Example.COM.', 'apps.example.com'],
  ['localhost', 'localhost'],
  ['203.0.113.7', null],
  ['-a.example', null],
  ['a..example', null],
  ['a b', null],
  ['a.example\nX=1', null],
  ['x'.repeat(64), null],
])('domain %j', (text, domain) => {
  if (domain === null) expect(() => checkDomain(text)).toThrow('is not a domain')
  else expect(checkDomain(text)).toBe(domain)
})

const systemFolders = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
test.each([
  ['/usr/bin/node', systemFolders],
  ['/opt/node-v22/bin/node', `${systemFolders}:/opt/node-v22/bin`],
  // Users of apps cannot reach it, or it is replaced by an upgrade.
  ['/root/.nvm/versions/node/v22/bin/node', systemFolders],
  ['/opt/deis/releases/1.0.0-abc/bin/node', systemFolders],
])('PATH with %s', (node, path) => {
  expect(programPath(node)).toBe(path)
})

const gigabyte = 1024 ** 3
const fit: Facts = {
  root: true,
  system: 'Debian',
  arch: 'x64',
  hostname: 'box',
  addresses: [],
  systemd: 252,
  memory: { total: gigabyte, available: gigabyte, swap: 0 },
  disks: [{ path: '/opt', free: 9 * gigabyte, total: 20 * gigabyte }],
  node: '20.19.0',
  git: '2.39.5',
  docker: null,
  nft: true,
  clockSynchronized: true,
}
test.each<[Partial<Facts>, string | null]>([
  [{}, null],
  [{ root: false }, 'sudo'],
  [{ systemd: null }, 'systemd does not run this machine'],
  [{ systemd: 241 }, 'systemd 241 is too old'],
  [{ arch: 'arm' }, 'processors of the kind arm'],
  [{ git: null }, 'apt-get install git'],
  [{ memory: { total: gigabyte / 2, available: 0, swap: 0 } }, 'add swap'],
  [{ memory: { total: gigabyte / 2, available: 0, swap: gigabyte } }, null],
  [{ disks: [{ path: '/opt', free: gigabyte, total: 20 * gigabyte }] }, 'on the disk of /opt (1024 MB)'],
])('a machine with %o', (change, refusal) => {
  const found = refusals({ ...fit, ...change }, [], false)
  expect(found).toEqual(refusal === null ? [] : [expect.stringContaining(refusal)])
})

test.each([
  ['deis-router.service', []],
  ['nginx.service', ['port 80 is used by node (pid 7): stop it first']],
  [null, ['port 80 is used by node (pid 7): stop it first']],
])('port 80 used by a program of %s', (unit, found) => {
  expect(refusals(fit, [{ port: 80, local: false, program: 'node (pid 7)', unit }], false)).toEqual(found)
})

test.each([
  [null, ['no Docker Engine of 20.10 or newer answers: apt-get install docker.io, or systemctl start docker']],
  ['27.1.0', []],
])('--scheduler=docker where engine %s answers', (docker, found) => {
  expect(refusals({ ...fit, docker }, [], true)).toEqual(found)
})

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deis-server-'))
})
afterEach(() => rm(folder, { recursive: true }))

async function builtRelease(): Promise<string> {
  const from = join(folder, 'dist')
  for (const name of ['bin', 'controller']) await mkdir(join(from, name), { recursive: true })
  await writeFile(join(from, 'release.json'), JSON.stringify({ name: '1.0.0-abc', flags }))
  await writeFile(join(from, 'controller/main.js'), 'one')
  return from
}

/** What each step said, without its title. */
async function carry(steps: readonly Step[], root: string): Promise<string[]> {
  const lines: string[] = []
  await carryOut(steps, { root }, { out: (line) => void lines.push(line), signal: new AbortController().signal })
  return lines.map((line) => line.slice(0, 20).trim().replaceAll(/ +/g, ' '))
}

test('into another root: files are there, a second time all stays, and what is damaged is repaired', async () => {
  const from = await builtRelease()
  const root = join(folder, 'root')
  const release = { ...(await readRelease(from)), from }
  let runs = 0
  const plan = async (): Promise<Step[]> => {
    const before = await Promise.all(
      ['deis', 'router', 'keys'].map((name) => readFile(join(root, `etc/deis/${name}.env`), 'utf8').catch(() => '')),
    )
    const [controller = '', router = '', keys = ''] = before
    const newKey = String((runs += 1)).repeat(40)
    return installPlan({ ...wanted, release, newKey, before: { controller, router, keys } }, 60)
  }
  const first = await carry(await plan(), root)
  expect(first.filter((line) => line.startsWith('done file'))).toHaveLength(8)
  expect(first.filter((line) => line.startsWith('not done'))).toHaveLength(13)
  expect((await stat(join(root, 'etc/deis/keys.env'))).mode & 0o777).toBe(0o600)
  expect((await lstat(join(root, 'etc/deis'))).mode & 0o777).toBe(0o700)
  expect(await readlink(join(root, 'opt/deis/current'))).toBe('/opt/deis/releases/1.0.0-abc')
  expect((await stat(join(root, 'opt/deis/releases/1.0.0-abc/bin/node'))).mode & 0o111).toBe(0o111)

  const keys = await readFile(join(root, 'etc/deis/keys.env'), 'utf8')
  expect((await carry(await plan(), root)).filter((line) => line.startsWith('done'))).toEqual([])
  expect(await readFile(join(root, 'etc/deis/keys.env'), 'utf8')).toBe(keys)

  await rm(join(root, 'opt/deis/releases/1.0.0-abc/controller/main.js'))
  await writeFile(join(root, 'etc/systemd/system/deis-router.service'), '[Unit]\n')
  // What a run left that was killed while it copied.
  await mkdir(join(root, 'opt/deis/releases/.new-1'))
  const done = (await carry(await plan(), root)).filter((line) => line.startsWith('done'))
  expect(done).toEqual(['done release', 'done file'])
  expect(await readFile(join(root, 'opt/deis/releases/1.0.0-abc/controller/main.js'), 'utf8')).toBe('one')
  await expect(stat(join(root, 'opt/deis/releases/.new-1'))).rejects.toThrow('ENOENT')
})

test.each([
  ['{"name":"../x","flags":{"controller":[],"router":[]}}', 'is damaged'],
  ['{"name":"a","flags":{"controller":["--a b"],"router":[]}}', 'is damaged'],
  ['{"name":"a"}', 'is damaged'],
  [null, 'has no release.json'],
])('release.json %j', async (text, problem) => {
  if (text !== null) await writeFile(join(folder, 'release.json'), text)
  await expect(readRelease(folder)).rejects.toThrow(problem)
})
