// Does the platform, installed as services of a machine with systemd, do there what it should? (As root, with systemd-nspawn and debootstrap.)
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
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

  test('one command installs and starts it, and prints what to do next', async () => {
    const said = await machine.ok([...install, '--domain', domain])
    expect(said).toContain(`API       http://deis.${domain}`)
    expect(said).toMatch(/deis register http:\/\/deis\.apps\.example\.com --token=[0-9a-f]{64}/)
    expect(said).toContain(`curl -fsSL http://deis.${domain}/install.sh | sh`)
    expect(await machine.ok(['curl', '-fsS', `http://deis.${domain}/install.sh`])).toContain('#!/bin/sh')
    for (const unit of ['deis-controller', 'deis-router']) {
      expect(await property(unit, 'ActiveState')).toBe('active')
      expect(await property(unit, 'UnitFileState')).toBe('enabled')
    }
  })

  test('systemd finds nothing wrong in the units', async () => {
    const units = ['deis-controller.service', 'deis-router.service']
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
    const token = (await machine.ok(['cat', '/var/lib/deis/keys/registration.token'])).trim()
    const who = ['--username=op', '--password=correct-horse', '--email=op@example.com']
    await machine.ok(['deis', 'register', `http://deis.${domain}`, `--token=${token}`, ...who])
    await machine.ok(['mkdir', '-p', '/root/shop', '/root/.ssh'])
    await machine.ok(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', '/root/.ssh/id_ed25519'])
    await machine.ok(['deis', 'keys:add', '/root/.ssh/id_ed25519.pub'])
    const server = `require('http').createServer((_, r) => r.end(process.getuid() + ' ' + process.env.GREETING)).listen(process.env.PORT)`
    await machine.ok(['tee', '/root/shop/server.js'], server)
    await machine.ok(['tee', '/root/shop/Procfile'], 'web: node server.js\n')
    const git = ['git', '-C', '/root/shop', '-c', 'user.name=op', '-c', 'user.email=op@example.com']
    await machine.ok([...git, 'init', '--quiet', '--initial-branch=main'])
    await machine.ok([...git, 'add', '.'])
    await machine.ok([...git, 'commit', '--quiet', '--message=one'])
    await machine.ok(['sh', '-c', 'cd /root/shop && deis create shop && deis config:set GREETING=hello'])
    await machine.ok([
      ...git,
      '-c',
      'core.sshCommand=ssh -o StrictHostKeyChecking=no',
      'push',
      '--quiet',
      'deis',
      'main',
    ])
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
})
