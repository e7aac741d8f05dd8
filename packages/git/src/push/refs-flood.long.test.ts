// Does a push of very many refs, or of very many objects, end soon and with a reason?
import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { expect, test } from 'vitest'
import { withVariable } from '@deis/machine/pid'
import {
  type Copy,
  freshCopies,
  deferred,
  outcome,
  type Platform,
  remote,
  remoteLines,
  type Result,
  start,
  type User,
} from '../fixture.ts'

let ann: User
let platform: Platform
let copy: Copy
freshCopies((fresh) => ({ ann, platform, copy } = fresh))

/** Refs of the first commit, written at once: what git would do one file at a time. */
async function refs(space: string, many: number): Promise<void> {
  const head = '# pack-refs with: peeled fully-peeled sorted \n'
  const lines = Array.from({ length: many }, (_, i) => `${copy.sha} refs/${space}/n${String(i).padStart(7, '0')}\n`)
  await writeFile(join(copy.folder, '.git', 'packed-refs'), head + lines.join(''))
}

const said = ({ stderr }: Result): string => remoteLines(stderr).join('\n')

const tooMany = 'A push may have at most 10000 branches and tags. Push only the branch to deploy: git push deis main'

test('a little over ten thousand refs are declined in the words of the remote', async () => {
  await refs('tags', 10_001)
  const result = await copy.git('push', '--quiet', remote(platform, 'app'), 'refs/tags/*')
  expect([result.code, said(result)]).toEqual([1, tooMany])
})

test.each([
  ['heads', 100_000],
  ['tags', 100_000],
])('100,000 refs/%s are declined at once', async (space, many) => {
  await refs(space, many)
  const started = performance.now()
  const result = await copy.git('push', '--quiet', remote(platform, 'app'), `refs/${space}/*`)
  expect(performance.now() - started).toBeLessThan(25_000)
  // git may be ended by the pipe that it writes to.
  expect(result.code).not.toBe(0)
  expect(result.stderr).toContain(tooMany)
  expect(platform.state.deployed).toEqual([])
})

/** What a client says that has a million new branches and one commit. */
function* million(): Generator<string> {
  const packet = (text: string): string => `${(text.length + 4).toString(16).padStart(4, '0')}${text}`
  const update = `${'0'.repeat(40)} ${copy.sha} refs/heads/`
  yield packet(`${update}first\0 report-status side-band-64k`)
  for (let i = 0; i < 1_000_000; i += 1000)
    yield Array.from({ length: 1000 }, (_, n) => packet(`${update}n${i + n}`)).join('')
  yield '0000'
}

/** Megabytes that git holds for the platform. */
async function ofGit(): Promise<number> {
  const pids = await withVariable('HOME', join(platform.folder, 'repos', '.home'))
  const texts = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')))
  return texts.reduce((sum, text) => sum + Number(/^RssAnon:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) / 1024, 0)
}

test('a million refs are declined before git has read them all, and another app is pushed meanwhile', async () => {
  const started = performance.now()
  const [program = '', ...flags] = (ann.env['GIT_SSH_COMMAND'] ?? '').split(' ')
  const where = ['-p', String(platform.server.port), '127.0.0.1', "git-receive-pack 'app'"]
  const ssh = start(program, [...flags, ...where], platform.folder, ann.env)
  const told = outcome(ssh)
  await once(ssh.stdout, 'data')
  let heaviest = 0
  const look = setInterval(() => {
    void ofGit().then((size) => (heaviest = Math.max(heaviest, size)))
  }, 20)
  // It hangs up long before all of it was sent.
  const sending = pipeline(Readable.from(million()), ssh.stdin).then(
    () => 'all of it was sent',
    () => 'cut off',
  )
  const other = await copy.git('push', '--quiet', remote(platform, 'other'), 'main')
  const { code, stderr } = await told
  clearInterval(look)
  expect([other.code, other.stderr]).toEqual([0, ''])
  expect(await sending).toBe('cut off')
  expect(code).not.toBe(0)
  expect(stderr).toContain(tooMany)
  expect(heaviest).toBeLessThan(150)
  expect(performance.now() - started).toBeLessThan(30_000)
  expect(platform.state.deployed.map(({ app }) => app)).toEqual(['other'])
  expect((await copy.git('push', '--quiet', remote(platform, 'app'), 'main')).code).toBe(0)
}, 60_000)

test('hundreds of branches that are not deployed are declined together', async () => {
  await refs('heads', 500)
  const result = await copy.git('push', '--quiet', remote(platform, 'app'), 'refs/heads/*')
  expect(result.code).toBe(1)
  expect(said(result)).toMatch(/^500 branches would be refused/)
})

test('a thousand tags beside a branch are taken', async () => {
  await refs('tags', 1000)
  const result = await copy.git('push', '--quiet', '--tags', remote(platform, 'app'), 'main')
  expect(result.code, said(result)).toBe(0)
  expect(platform.state.deployed).toHaveLength(1)
})

/** A commit of that many files in folders, each with a content of its own. */
async function importFiles(many: number): Promise<void> {
  const stream = join(platform.folder, 'import')
  const parts = Array.from(
    { length: many },
    (_, i) => `M 100644 inline d${i % 500}/f${i}\ndata ${String(i).length}\n${i}\n`,
  )
  await writeFile(stream, `commit refs/heads/main\ncommitter t <t@example.com> 1 +0000\ndata 1\nx\n`)
  await appendFile(stream, parts.join(''))
  const child = start(
    'sh',
    ['-c', 'exec git fast-import --quiet --force < "$1"', 'import', stream],
    copy.folder,
    ann.env,
  )
  child.stdin.end()
  expect((await outcome(child)).code).toBe(0)
}

test('100,000 tiny objects are counted, taken or declined, in a bounded time', async () => {
  await importFiles(100_000)
  const started = performance.now()
  const refused = await copy.git('push', '--quiet', remote(platform, 'app'), 'main')
  expect(said(refused)).toMatch(/^The source has more than 1000 files and folders/)
  await platform.restart({ sourceLimits: { entries: 200_000, bytes: 1e9 } })
  expect((await copy.git('push', '--quiet', remote(platform, 'app'), 'main')).code).toBe(0)
  expect(performance.now() - started).toBeLessThan(60_000)
}, 120_000)

test('cancelled while a hostile tree is counted, nothing of it goes on', async () => {
  await platform.restart({ sourceLimits: { entries: 200_000, bytes: 1e9 } })
  await importFiles(100_000)
  // The moment in which it is counted: git reads objects for the platform, in a repository of the app.
  const counting = deferred()
  let deployed = 0
  platform.state.deploy = async () => void deployed++
  const pushing = copy.git('push', '--quiet', remote(platform, 'app'), 'main')
  const mine = (): Promise<readonly number[]> => withVariable('HOME', join(platform.folder, 'repos', '.home'))
  const look = setInterval(() => {
    void commands().then((all) => all.some((args) => args.includes('cat-file')) && counting.resolve())
  }, 20)
  const commands = async (): Promise<string[]> => {
    return Promise.all((await mine()).map((pid) => readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '')))
  }
  await counting.resolved
  clearInterval(look)
  await platform.server.cancelPushes('app')
  expect((await pushing).code).not.toBe(0)
  expect(deployed).toBe(0)
  expect((await commands()).filter((args) => args.includes('cat-file'))).toEqual([])
}, 60_000)
