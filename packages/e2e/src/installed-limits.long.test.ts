// Do limits hold on a server without containers, where each process of an app is a scope of systemd?
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { greedyServer } from './greedy-app.ts'
import { git, prepareShop } from './machine-shop.ts'
import { bootMachine, canBoot, type Machine } from './systemd-machine.ts'
import { until } from './until.ts'

const domain = 'apps.example.com'

describe.skipIf(!canBoot).sequential('limits of an installation (as root, with systemd-nspawn and debootstrap)', () => {
  let machine: Machine
  beforeAll(async () => {
    machine = await bootMachine(await mkdtemp(join(tmpdir(), 'deis-machine-')), { limits: true })
    await machine.ok(['sh', '-c', `echo 127.0.0.1 deis.${domain} shop.${domain} >>/etc/hosts`])
    await machine.ok(['node', '/src/dist/server/main.js', 'install', '--domain', domain])
    const files = { 'server.js': greedyServer, Procfile: 'web: node server.js\n' }
    await prepareShop(machine, domain, files, 'GREETING=hello')
    await machine.ok([...git, 'push', '--quiet', 'deis', 'main'])
  }, 600_000)
  afterAll(() => machine?.remove())

  const ask = async (path = '/'): Promise<string> =>
    (await machine.run(['curl', '-s', '--max-time', '150', `http://shop.${domain}${path}`])).stdout
  const answers = (): Promise<unknown> =>
    until({ what: 'the app answers' }, async () => (await ask()).endsWith('hello'))

  test('doctor says that they hold', async () => {
    expect((await machine.run(['deis', 'doctor'])).stdout).toMatch(/^ok +limits +memory, CPU .* are limited/m)
  })

  test('a fork bomb ends at the number of processes that a process of an app may have', async () => {
    const said = await ask('/fork')
    expect(said).toMatch(/^\d+ .*Resource temporarily unavailable/)
    const count = Number.parseInt(said, 10)
    expect(count).toBeGreaterThan(3000)
    expect(count).toBeLessThan(4096)
    await answers()
  })

  test('a limit of memory holds, and what took more is named and started again, after a loss of power, too', async () => {
    await machine.ok(['deis', 'limits:set', 'web=128M', '--app=shop'])
    const named = async (): Promise<number> =>
      (await machine.ok(['deis', 'logs', '--app=shop'])).split('used more memory than its limit of 128M and was killed')
        .length - 1
    await ask('/eat')
    await until({ what: 'the log names it' }, async () => (await named()) === 1)
    await answers()
    await machine.powerCycle()
    await answers()
    await ask('/eat')
    await until({ what: 'the log names it again' }, async () => (await named()) === 2)
    await answers()
  })

  test('a command beside a process counts with it', async () => {
    const group = (await machine.ok(['deis', 'exec', 'web', '--app=shop', '--', 'cat', '/proc/self/cgroup'])).trim()
    expect(group).toMatch(/deis-apps\.slice\/\S+\.scope$/m)
  })
})
