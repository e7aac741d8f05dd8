// Does a person's whole way with a server hold, from another machine: install, HTTPS, upgrade, backup, and a new server from that?
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import type { Agent } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { password } from './client.ts'
import { hasCurl, type Laptop, openLaptop } from './laptop.ts'
import { hasPebble, type Pebble, startPebble } from './pebble.ts'
import { askSecurely, type SecureAnswer } from './secure.ts'
import { startSecureLoad } from './secure-load.ts'
import { bootMachine, canWire, type Machine, type Wire } from './systemd-machine.ts'
import { until } from './until.ts'

const domain = 'apps.example.com'
const api = `deis.${domain}`
const shop = `shop.${domain}`
const own = 'www.example.org'
/** Of certificates, which are renewed after half of it; the other half is enough for a second try a minute later. */
const validitySeconds = 150
const leastRequests = 10_000

const program = `require('node:http').createServer((request, response) => {
  response.end(process.env.WORKFLOW_RELEASE + ' ' + process.env.GREETING)
}).listen(process.env.PORT)
`

const title = 'a server over HTTPS (as root, with systemd-nspawn, debootstrap, ip, curl and Debian package "pebble")'

describe.skipIf(!canWire || !hasCurl || !hasPebble).sequential(title, () => {
  let folder: string
  let ca: Pebble
  let roots: string
  let server: Machine
  let wire: Wire
  let laptop: Laptop
  let registration = ''

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'deis-server-'))
    server = await bootMachine(folder, { wired: true })
    wire = server.wire!
    ca = await startPebble(folder, 80, { validitySeconds, wire })
    laptop = await openLaptop(folder, wire.address, [api, shop, own])
    roots = await ca.root()
    await laptop.trust(roots)
  }, 600_000)
  afterAll(async () => {
    await ca?.stop()
    await server?.remove()
    await rm(folder, { recursive: true, force: true })
  })

  const secure = (host: string, agent: Agent | false = false): Promise<SecureAnswer> =>
    askSecurely(443, host, { ca: roots, agent, address: wire.address })
  const answers = (host: string, body: string): Promise<SecureAnswer> =>
    until({ what: `${host} answers "${body}"` }, async () => {
      const answer = await secure(host)
      if (answer.body === body) return answer
      throw new Error(`${answer.status} ${answer.body.slice(0, 300)}`)
    })
  const inShop = (...argv: string[]): Promise<string> => laptop.ok(argv, { cwd: join(laptop.home, 'shop') })

  /** With what an operator sets before who has a CA and name servers of their own. */
  async function install(): Promise<string> {
    const { DEIS_ACME_RESOLVERS, DEIS_PUBLIC_ADDRESSES, DEIS_ACME_DIRECTORY = '' } = ca.settings
    const settings = { NODE_EXTRA_CA_CERTS: '/etc/deis-ca.pem', DEIS_ACME_RESOLVERS, DEIS_PUBLIC_ADDRESSES }
    await server.ok(['tee', '/etc/deis-ca.pem'], await readFile(ca.api.certificate, 'utf8'))
    await server.ok(['mkdir', '-p', '/etc/deis'])
    const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`)
    await server.ok(['tee', '/etc/deis/deis.env'], lines.join(''))
    const options = ['--domain', domain, '--email', 'ops@example.com', '--acme-directory', DEIS_ACME_DIRECTORY]
    return server.ok(['node', '/src/dist/server/main.js', 'install', ...options])
  }

  test('one command installs it, and prints what to do on a laptop', async () => {
    const said = await install()
    registration = /^ {2}(deis register .*)$/m.exec(said)?.[1] ?? ''
    expect(registration).toMatch(/^deis register https:\/\/deis\.apps\.example\.com --token=[0-9a-f]{64}$/)
    expect(said).toContain(`  curl -fsSL https://${api}/install.sh | sh`)
    await until({ what: 'the API has a certificate' }, () => secure(api))
  })

  test('a laptop gets the client from it, and an account with the printed line', async () => {
    await laptop.ok(['sh', '-c', `curl -fsSL https://${api}/install.sh | sh`])
    const account = ['--username=ann', `--password=${password}`, '--email=ann@example.com']
    await laptop.ok([...registration.split(' '), ...account])
    await laptop.ok(['deis', 'keys:add'])
    expect(await laptop.ok(['deis', 'whoami'])).toContain('ann')
  })

  test('an app is pushed over SSH and over HTTPS, and has certificates, also for a domain of its own', async () => {
    await mkdir(join(laptop.home, 'shop'))
    const files = { 'server.js': program, Procfile: 'web: node server.js\n' }
    for (const [name, content] of Object.entries(files)) await writeFile(join(laptop.home, 'shop', name), content)
    await inShop('git', 'init', '--quiet')
    await inShop('git', 'add', '--all')
    await inShop('git', 'commit', '--quiet', '--message=one')
    await inShop('deis', 'create', 'shop')
    expect(await inShop('git', 'remote', 'get-url', 'deis')).toBe(`ssh://git@${api}:2222/shop.git\n`)
    await inShop('git', 'push', 'deis', 'main')
    await inShop('deis', 'git:remote', '--remote=https', '--https')
    await inShop('git', 'commit', '--quiet', '--allow-empty', '--message=two')
    await inShop('git', 'push', 'https', 'main')
    await inShop('deis', 'domains:add', own)
    await inShop('deis', 'config:set', 'GREETING=hello')
    await answers(shop, 'v4 hello')
    await answers(own, 'v4 hello')
  })

  test(`renewed certificates and an upgrade fail none of ${leastRequests} requests`, async () => {
    const change = `sed -i 's/"name":"[^"]*"/"name":"9.0.0-newer"/' /root/newer/release.json`
    await server.ok(['sh', '-c', `cp -r /src/dist /root/newer && ${change}`])
    const serials = () => Promise.all([api, shop, own].map(async (host) => (await secure(host)).serial))
    const before = await serials()
    // From here on certificates outlive all that happens to their machine. The CA does not know the account any more.
    await ca.restart({}, 86_400)
    roots += await ca.root()
    await laptop.trust(roots)
    const load = startSecureLoad((agent) => secure(shop, agent), /^v4 hello$/)
    const upgraded = await server.run(['deis-server', 'upgrade', '/root/newer'])
    await until({ what: 'the load sees a renewed certificate', seconds: 120 }, () => load.serials.size > 1)
    await until({ what: 'the other certificates are renewed' }, async () =>
      (await serials()).every((serial) => !before.includes(serial)),
    )
    await until({ what: `${leastRequests} requests were sent`, seconds: 300 }, () => load.sent() >= leastRequests)
    expect(await load.stop()).toEqual([])
    expect(upgraded).toMatchObject({ code: 0, stdout: expect.stringMatching(/^9\.0\.0-newer runs\.$/m) })
  }, 600_000)

  test('a new server gets all of it from a backup: apps, releases, accounts, keys and certificates', async () => {
    const key = await server.ok(['deis-server', 'backup-key', '/root/key.txt'])
    const recipients = /DEIS_BACKUP_RECIPIENTS=age1\w+/.exec(key)?.[0] ?? ''
    await server.ok(['tee', '-a', '/etc/deis/deis.env'], `${recipients}\nDEIS_BACKUP_TO=/root/backups\n`)
    expect(await server.ok(['deis-server', 'backup'])).toMatch(/^proven in /m)
    const releases = await inShop('deis', 'releases')
    const { serial } = await secure(shop)
    const kept = join(folder, 'kept')
    await cp(join(server.root, 'root/backups'), join(kept, 'backups'), { recursive: true })
    await cp(join(server.root, 'root/key.txt'), join(kept, 'key.txt'))

    await server.replace()
    expect((await server.run(['stat', '/var/lib/deis'])).code).toBe(1)
    await cp(kept, join(server.root, 'root'), { recursive: true })
    await install()
    await server.ok(['systemctl', 'stop', 'deis-controller'])
    const [file] = (await server.ok(['ls', '/root/backups'])).match(/^deis-\S+\.tar\.gz\.age$/m)!
    const restore = ['deis-server', 'restore', `/root/backups/${file}`, '--identity', '/root/key.txt']
    await server.ok([...restore, '--to', '/var/lib/deis', '--replace'])
    await server.ok(['systemctl', 'start', 'deis-controller'])
    expect((await answers(shop, 'v4 hello')).serial).toBe(serial)
    await answers(own, 'v4 hello')
    expect(await inShop('deis', 'releases')).toBe(releases)
    await inShop('git', 'commit', '--quiet', '--allow-empty', '--message=three')
    await inShop('git', 'push', 'deis', 'main')
    await answers(shop, 'v5 hello')
    await inShop('deis', 'rollback', 'v4')
    await answers(shop, 'v6 hello')
  }, 600_000)
})
