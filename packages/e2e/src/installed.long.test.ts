// Does the platform, installed as services of a machine with systemd, do there what it should? (As root, with systemd-nspawn and debootstrap.)
import { copyFile, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { git, prepareShop } from './machine-shop.ts'
import { bootMachine, canBoot, type Machine } from './systemd-machine.ts'
import { until } from './until.ts'

const domain = 'apps.example.com'
const install = ['node', '/src/dist/server/main.js', 'install']

describe.skipIf(!canBoot).sequential('installed with systemd (as root, with systemd-nspawn and debootstrap)', () => {
  let machine: Machine
  beforeAll(async () => {
    machine = await bootMachine(await mkdtemp(join(tmpdir(), 'deis-machine-')))
    await machine.ok(['sh', '-c', `echo 127.0.0.1 deis.${domain} shop.${domain} >>/etc/hosts`])
  }, 600_000)
  afterAll(() => machine?.remove())

  const page = async (): Promise<string> => (await machine.run(['curl', '-s', `http://shop.${domain}/`])).stdout
  const property = async (unit: string, name: string): Promise<string> =>
    (await machine.ok(['systemctl', 'show', `--property=${name}`, '--value', unit])).trim()

  test('a dry run ends as the installation would', async () => {
    const dry = [...install, '--dry-run', '--domain', domain]
    expect((await machine.run(dry)).code).toBe(0)
    const other = await machine.ok([
      'systemd-run',
      '--quiet',
      '--unit=other',
      '--socket-property=ListenStream=80',
      'true',
    ])
    expect(other).toBe('')
    const refused = await machine.run(dry)
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringMatching(/^would be refused: port 80 is used by systemd \(pid 1\)/m),
    ])
    expect((await machine.run([...install, '--domain', domain])).code).toBe(1)
    await machine.ok(['systemctl', 'stop', 'other.socket'])
  })

  test('one command installs and starts it, and prints what to do next', async () => {
    const said = await machine.ok([...install, '--domain', domain])
    expect(said).toContain(`API       http://deis.${domain}`)
    expect(said).toMatch(/deis register http:\/\/deis\.apps\.example\.com --token=[0-9a-f]{64}/)
    expect(said).toContain(`curl -fsSL http://deis.${domain}/install.sh | sh`)
    expect(await machine.ok(['curl', '-fsS', `http://deis.${domain}/install.sh`])).toContain('#!/bin/sh')
    for (const unit of ['deis-controller.socket', 'deis-controller', 'deis-router.socket', 'deis-router']) {
      expect(await property(unit, 'ActiveState')).toBe('active')
      expect(await property(unit, 'UnitFileState')).toBe('enabled')
    }
  })

  test('systemd finds nothing wrong in the units', async () => {
    const names = [
      'deis-controller.socket',
      'deis-controller.service',
      'deis-router.socket',
      'deis-router.service',
      'deis-router-handover.service',
    ]
    const units = names.map((name) => `/etc/systemd/system/${name}`)
    const { code, stderr } = await machine.run(['systemd-analyze', 'verify', ...units])
    expect([code, stderr]).toEqual([0, ''])
  })

  test('a second run keeps everything, and repairs what is missing', async () => {
    const before = await property('deis-controller', 'MainPID')
    const again = await machine.ok(install)
    expect(again.match(/^done .*/gm)?.map((line) => line.replace(/^done +(\w+) .*/, '$1'))).toEqual([
      'run',
      'run',
      'wait',
      'run',
      'wait',
    ])
    expect(again).not.toContain('--token')
    expect(await property('deis-controller', 'MainPID')).toBe(before)

    await machine.ok(['rm', '/etc/systemd/system/deis-router.service', '/opt/deis/current/router/main.js'])
    await machine.ok(['systemctl', 'stop', 'deis-router'])
    const repaired = await machine.ok(install)
    expect(repaired).toMatch(/^done +file +\/etc\/systemd\/system\/deis-router\.service/m)
    expect(repaired).toMatch(/^done +release/m)
  })

  test('an app is deployed from a laptop, and runs as a user of its own', async () => {
    const server = `require('http').createServer((q, r) => setTimeout(() => r.end(process.getuid() + ' ' + process.env.GREETING), q.url === '/slow' ? 4000 : 0)).listen(process.env.PORT)`
    const files = { 'server.js': server, Procfile: 'web: node server.js\n' }
    await prepareShop(machine, domain, files, 'GREETING=hello')
    await machine.ok([...git, 'push', '--quiet', 'deis', 'main'])
    // Not root, and not the user of the router.
    expect(await page()).toMatch(/^[45]\d{4} hello$/)
  })

  test('the router has no rights but to listen on low ports, and reads nothing of the platform', async () => {
    const pid = await property('deis-router', 'MainPID')
    const status = await machine.ok(['cat', `/proc/${pid}/status`])
    const uid = (await machine.ok(['id', '-u', 'deis-router'])).trim()
    expect(status).toMatch(new RegExp(`^Uid:\\s+${uid}\\s+${uid}\\s+${uid}\\s+${uid}$`, 'm'))
    expect(status).toMatch(/^CapEff:\s+0000000000000400$/m)
    expect(status).toMatch(/^NoNewPrivs:\s+1$/m)
    expect(status).toMatch(/^Seccomp:\s+2$/m)
    const inside = ['nsenter', `--target=${pid}`, '--mount', '--', 'setpriv', `--reuid=${uid}`, '--clear-groups', '--']
    for (const file of ['/var/lib/deis/state/deis.db', '/var/lib/deis/keys/secret.key', '/etc/deis/deis.env'])
      expect((await machine.run([...inside, 'head', '-c', '1', file])).code, file).not.toBe(0)
    expect((await machine.run([...inside, 'touch', '/opt/deis/current/x'])).code).not.toBe(0)
  })

  test('apps outlive the controller, and the router serves without it', async () => {
    const app = (await machine.ok(['pgrep', '-f', '^node server.js'])).trim()
    await machine.ok(['systemctl', 'stop', 'deis-controller'])
    await machine.ok(['systemctl', 'restart', 'deis-router'])
    await until({ what: 'the router serves the app' }, async () => (await page()).endsWith(' hello'))
    await machine.ok(['systemctl', 'start', 'deis-controller'])
    await until({ what: 'the controller answers' }, async () =>
      /shop-web-\S+ up/.test((await machine.run(['deis', 'ps', '--app=shop'])).stdout),
    )
    expect((await machine.ok(['pgrep', '-f', '^node server.js'])).trim()).toBe(app)
    expect(await page()).toMatch(/ hello$/)
  })

  test('after a loss of power all is there again, with the apps', async () => {
    await machine.powerCycle()
    await until({ what: 'the app answers' }, async () => (await page()).endsWith(' hello'))
  })

  test('doctor sees the platform, and what it lacks', async () => {
    const { code, stdout } = await machine.run(['deis-server', 'doctor'])
    expect(stdout).toMatch(/^ok +deis-controller +active$/m)
    expect(stdout).toMatch(/^ok +deis-router +active$/m)
    expect(stdout).toMatch(/^ok +API +answers through the router$/m)
    expect(stdout).toMatch(/^ok +port 80 +HTTP, served by node/m)
    // Nothing answers for other names of the domain on a machine without DNS.
    expect(stdout).toMatch(/^limited +DNS \*\.apps\.example\.com +leads nowhere/m)
    expect(stdout).toMatch(/^(ok|limited) +backups +(the last was proven|one is being made|none was made yet)/m)
    expect(code).toBe(1)
  })

  /** A release like the installed one, with another name, changed by `change`; where it is. */
  async function otherRelease(name: string, change: string): Promise<string> {
    const folder = `/root/${name}`
    await machine.ok(['cp', '-r', '/src/dist', folder])
    await machine.ok(['sh', '-c', `sed -i 's/"name":"[^"]*"/"name":"${name}"/' ${folder}/release.json && ${change}`])
    return folder
  }
  const current = async (): Promise<string> => (await machine.ok(['readlink', '/opt/deis/current'])).trim()
  const appPid = async (): Promise<string> => (await machine.ok(['pgrep', '-f', '^node server.js'])).trim()

  test('an upgrade takes the newer release, from a tarball, while apps run on', async () => {
    const folder = await otherRelease('9.0.0-newer', 'true')
    await machine.ok(['tar', '-czf', '/root/newer.tar.gz', '-C', '/root', '9.0.0-newer'])
    const before = await appPid()
    const wrong = await machine.run(['deis-server', 'upgrade', `--sha256=${'0'.repeat(64)}`, '/root/newer.tar.gz'])
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('is not what was expected')])
    const sum = (await machine.ok(['sha256sum', '/root/newer.tar.gz'])).split(' ')[0]
    const said = await machine.ok(['deis-server', 'upgrade', `--sha256=${sum}`, '/root/newer.tar.gz'])
    expect(said).toContain('with 0 new migrations; apps run on')
    expect(await current()).toBe('/opt/deis/releases/9.0.0-newer')
    expect(await appPid()).toBe(before)
    expect(await page()).toMatch(/ hello$/)
    expect(await machine.ok(['sh', '-c', 'ls /var/lib/deis/backups/before-9.0.0-newer-*'])).toContain('deis.db')
    expect(await machine.ok(['deis-server', 'upgrade', folder])).toContain('is what runs already')
    expect(await machine.ok(['ls', '-A', '/opt/deis/releases'])).not.toContain('unpacked')
  })

  /** Requests to the app, of which some take seconds, for as long as the file is there; each on a connection of its own. */
  const loading = `const http = require('http'), fs = require('fs'), found = {}
    const ask = (path) => new Promise((done) => {
      const end = (result) => { found[result] = (found[result] ?? 0) + 1; setTimeout(done, 20) }
      http.get({ host: '127.0.0.1', port: 80, path, agent: false, headers: { host: 'shop.${domain}' } }, (answer) => {
        let text = ''
        answer.on('data', (data) => (text += data)).on('error', (error) => (text = error.message))
        answer.on('close', () => end(text.endsWith(' hello') ? 'ok' : answer.statusCode + ' ' + text))
      }).on('error', (error) => end(error.message))
    })
    const client = async (path) => { while (fs.existsSync('/root/loading')) await ask(path) }
    Promise.all(['/', '/', '/slow', '/slow'].map(client)).then(() => console.log(JSON.stringify(found)))`
  /** Connections to the ports of API, git and router, two at a time to each, for as long as the file is there. */
  const knocking = `const net = require('net'), fs = require('fs'), found = {}
    const knock = (port) => new Promise((done) => {
      let text = ''
      const end = (result) => { const key = port + ' ' + result; found[key] = (found[key] ?? 0) + 1; setTimeout(done, 50) }
      const socket = net.connect(port, '127.0.0.1', () => {
        if (port !== 2222) socket.write('GET /healthz HTTP/1.1\\r\\nHost: deis.${domain}\\r\\nConnection: close\\r\\n\\r\\n')
      })
      socket.on('data', (data) => { text += data; if (/^SSH-2.0-/.test(text)) socket.end() })
      socket.on('error', (error) => { text = error.code }).on('close', () => end(/^(HTTP.1.1 200|SSH-2.0)/.test(text) ? 'ok' : text.slice(0, 300)))
    })
    const client = async (port) => { while (fs.existsSync('/root/loading')) await knock(port) }
    Promise.all([8000, 2222, 80].flatMap((port) => [port, port]).map(client)).then(() => console.log(JSON.stringify(found)))`
  const found = async (said: Promise<string>): Promise<Record<string, number>> =>
    JSON.parse(await said) as Record<string, number>

  /** A clone that belongs to another user; its build gives a release of that name. */
  async function clone(name: string): Promise<void> {
    const folder = 'home/dev/deis'
    await machine.run(['useradd', '--create-home', 'dev'])
    await machine.ok(['mkdir', '-p', `/${folder}/scripts`])
    for (const script of ['build-as-owner.mjs', 'install-server.mjs'])
      await copyFile(
        fileURLToPath(new URL(`../../../scripts/${script}`, import.meta.url)),
        join(machine.root, folder, 'scripts', script),
      )
    const build = `import { execFileSync } from 'node:child_process'
      execFileSync('rm', ['-rf', 'dist'])
      execFileSync('cp', ['-r', '/src/dist', 'dist'])
      execFileSync('sed', ['-i', 's/"name":"[^"]*"/"name":"${name}"/', 'dist/release.json'])`
    await machine.ok(['tee', `/${folder}/scripts/build.mjs`], build)
    await machine.ok(['chown', '-R', 'dev:dev', `/${folder}`])
  }

  test('requests to apps and API, commands and pushes meet restarts and upgrades from a clone, and none fails', async () => {
    await clone('9.0.2-again')
    await machine.ok(['touch', '/root/loading'])
    /** Again and again with pauses, while the file is there; prints a line for each time, and what it said where it failed. */
    const looped = (command: string): Promise<string> =>
      machine.ok([
        'sh',
        '-c',
        `cd /root/shop; while [ -e /root/loading ]; do if said=$(${command} 2>&1); then echo ok; else echo "failed: $said"; fi; sleep 0.5; done`,
      ])
    await machine.ok(['tee', '/root/load.js'], loading)
    await machine.ok(['tee', '/root/knock.js'], knocking)
    const load = machine.ok(['node', '/root/load.js'])
    const knocks = machine.ok(['node', '/root/knock.js'])
    const loops = [
      'curl -fsS -o /dev/null http://deis.apps.example.com/install.sh',
      'deis whoami',
      'deis config:set TURN=$(date +%s%N) --app=shop',
      'git -c user.name=op -c user.email=op@example.com commit --quiet --allow-empty --message=again && git push --quiet deis main',
    ].map(looped)
    const pushRuns = (): Promise<unknown> =>
      until(
        { what: 'a push runs' },
        async () => (await machine.run(['pgrep', '-f', 'receive-pack .*-- /var/lib/deis'])).code === 0,
      )
    const before = await property('deis-controller', 'MainPID')
    await pushRuns()
    await machine.ok(['systemctl', 'restart', 'deis-router'])
    await machine.ok(['systemctl', 'restart', 'deis-controller'])
    expect(await property('deis-controller', 'MainPID')).not.toBe(before)
    await pushRuns()
    const said = await machine.ok(['sh', '-c', 'cd /home/dev/deis && deis-server upgrade'])
    expect(said).toMatch(/^9\.0\.2-again runs\.$/m)
    // What bounds the time of an upgrade, and not that of a later crash.
    expect(await property('deis-controller', 'RestartUSec')).toBe('1s')
    await clone('9.0.3-again')
    await pushRuns()
    await machine.ok(['node', '/home/dev/deis/scripts/install-server.mjs'])
    expect(await current()).toBe('/opt/deis/releases/9.0.3-again')
    expect(await machine.ok(['stat', '--format=%U', '/home/dev/deis/dist'])).toBe('dev\n')
    await until({ what: 'the router for the time of the restart has ended' }, async () =>
      /^(inactive|failed)$/.test(await property('deis-router-handover', 'ActiveState')),
    )
    await machine.ok(['rm', '/root/loading'])
    expect(await found(load)).toEqual({ ok: expect.any(Number) })
    for (const loop of loops) {
      const lines = (await loop).trim().split('\n')
      expect(lines.filter((line) => line !== 'ok')).toEqual([])
      expect(lines.length).toBeGreaterThan(2)
    }
    const results = await found(knocks)
    expect(Object.keys(results).toSorted()).toEqual(['2222 ok', '80 ok', '8000 ok'])
    for (const count of Object.values(results)) expect(count).toBeGreaterThan(200)
  }, 400_000)

  test('controller and router crash, and no connection is refused', async () => {
    await machine.ok(['touch', '/root/loading'])
    const knocks = machine.ok(['node', '/root/knock.js'])
    for (const unit of ['deis-controller', 'deis-router']) {
      const crashed = await property(unit, 'MainPID')
      await machine.ok(['kill', '-KILL', crashed])
      await until({ what: `${unit} runs again` }, async () => !['0', crashed].includes(await property(unit, 'MainPID')))
    }
    await until({ what: 'the app answers' }, async () => (await page()).endsWith(' hello'))
    await machine.ok(['curl', '-fsS', 'http://127.0.0.1:8000/healthz'])
    await machine.ok(['rm', '/root/loading'])
    const results = Object.entries(await found(knocks))
    expect(results.filter(([result]) => result.endsWith('ECONNREFUSED'))).toEqual([])
    expect(results.filter(([result]) => result.endsWith(' ok')).length).toBe(3)
  })

  /** systemd closes the ports when it has told that the service has ended. */
  const refused = (url: string): Promise<unknown> =>
    until({ what: `${url} is refused` }, async () => (await machine.run(['curl', '-s', url])).code === 7)

  test('a controller that is stopped stays so, and its ports are closed', async () => {
    await machine.ok(['systemctl', 'stop', 'deis-controller'])
    await refused('http://127.0.0.1:8000/healthz')
    await refused('telnet://127.0.0.1:2222')
    expect(await property('deis-controller', 'ActiveState')).toBe('inactive')
    await machine.ok(['systemctl', 'start', 'deis-controller'])
    await machine.ok(['curl', '-fsS', 'http://127.0.0.1:8000/healthz'])
  })

  test('a router that is stopped stays so, and its ports are closed', async () => {
    await machine.ok(['systemctl', 'stop', 'deis-router'])
    await refused(`http://shop.${domain}/`)
    expect(await property('deis-router', 'ActiveState')).toBe('inactive')
    await machine.ok(['systemctl', 'start', 'deis-router'])
    await until({ what: 'the app answers' }, async () => (await page()).endsWith(' hello'))
  })

  test('an upgrade that does not come up goes back by itself, with the database as it was', async () => {
    const migration = 'controller/migrations/sqlite/9999_breaks'
    const folder = await otherRelease(
      '9.0.4-broken',
      `mkdir ~/9.0.4-broken/${migration} && echo 'ALTER TABLE "User" RENAME TO "Gone";' >~/9.0.4-broken/${migration}/migration.sql`,
    )
    const before = await appPid()
    const commands = [
      ['deis-server', 'upgrade', '--wait=10', folder],
      ['node', `${folder}/server/main.js`, 'install', '--wait=10'],
    ] as const
    for (const command of commands) {
      const { code, stdout, stderr } = await machine.run(command)
      expect([code, stdout]).toEqual([1, expect.stringContaining('with 1 new migrations')])
      expect(stderr).toContain('9.0.4-broken does not come up: ')
      expect(stderr).toContain('The upgrade to 9.0.4-broken failed, and 9.0.3-again runs as before.')
      expect(await current()).toBe('/opt/deis/releases/9.0.3-again')
      expect(await machine.ok(['deis', 'whoami'])).toContain('op')
      expect(await appPid()).toBe(before)
      expect(await page()).toMatch(/ hello$/)
    }
  })

  test('an installation from before the sockets is upgraded; where that fails, its programs have their ports again', async () => {
    // As it was: the programs open the ports themselves.
    await machine.ok(['systemctl', 'stop', 'deis-router', 'deis-controller'])
    await machine.ok(['systemctl', '--quiet', 'disable', 'deis-router.socket', 'deis-controller.socket'])
    const units = '/etc/systemd/system/deis'
    const added = ['router.socket', 'router-handover.service', 'controller.socket']
    await machine.ok(['rm', ...added.map((name) => `${units}-${name}`)])
    await machine.ok([
      'sed',
      '-i',
      '/^Sockets=\\|^ExecStop=/d',
      `${units}-router.service`,
      `${units}-controller.service`,
    ])
    await machine.ok(['systemctl', 'daemon-reload'])
    await machine.ok(['systemctl', 'start', 'deis-controller', 'deis-router'])
    await until({ what: 'the app answers' }, async () => (await page()).endsWith(' hello'))
    // What an upgrade runs: the program of the new release. Its router ends at once.
    const folder = await otherRelease('9.0.5-broken', 'echo "process.exit(1)" >~/9.0.5-broken/router/main.js')
    const put = '/opt/deis/releases/9.0.5-broken'
    await machine.ok(['cp', '-r', folder, put])
    await machine.ok(['ln', '-s', '/opt/deis/releases/9.0.3-again/bin/node', `${put}/bin/node`])
    const { code, stderr } = await machine.run(['node', `${put}/server/main.js`, 'install', '--wait=5'])
    expect([code, stderr]).toEqual([1, expect.stringContaining('does not answer after 5 s')])
    expect((await machine.run(['stat', `${units}-router.socket`])).code).toBe(1)
    expect((await machine.run(['stat', `${units}-controller.socket`])).code).toBe(1)
    // As the old program goes back.
    await machine.ok(['ln', '-sfn', '/opt/deis/releases/9.0.3-again', '/opt/deis/current'])
    await machine.ok(['systemctl', 'stop', 'deis-controller'])
    await machine.ok(['systemctl', 'restart', 'deis-controller', 'deis-router'])
    await until({ what: 'the app answers' }, async () => (await page()).endsWith(' hello'))
    expect(await machine.ok(['systemctl', 'list-sockets', '--all'])).not.toContain('deis-')
    await machine.ok(['deis-server', 'install'])
    expect(await machine.ok(['systemctl', 'list-sockets'])).toContain('deis-controller.socket')
    expect(await page()).toMatch(/ hello$/)
  })

  test('uninstall ends apps and platform, and keeps the data, with which it can be installed again', async () => {
    const said = await machine.ok(['deis-server', 'uninstall'])
    expect(said).toContain('its data is still in /var/lib/deis')
    expect((await machine.run(['pgrep', '-f', '^node server.js'])).code).toBe(1)
    expect((await machine.run(['id', 'deis-router'])).code).toBe(1)
    for (const path of ['/opt/deis', '/usr/local/bin/deis', '/etc/systemd/system/deis-router.service'])
      expect((await machine.run(['stat', path])).code, path).toBe(1)
    await machine.ok(install)
    await until({ what: 'the app answers' }, async () => (await page()).endsWith(' hello'))
  })

  test('uninstall deletes data only for the one who names the machine', async () => {
    const name = (await machine.ok(['hostname'])).trim()
    for (const confirmation of [[], ['--yes-destroy=other']]) {
      const refused = await machine.run(['deis-server', 'uninstall', '--purge', ...confirmation])
      expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining(`--yes-destroy ${name}`)])
    }
    await machine.ok(['deis-server', 'uninstall', '--purge', '--yes-destroy', name])
    for (const path of ['/opt/deis', '/var/lib/deis', '/etc/deis'])
      expect((await machine.run(['stat', path])).code, path).toBe(1)
  })
})
