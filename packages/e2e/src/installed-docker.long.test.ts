// Does a fresh Debian with Docker's engine become a platform by the one command of the docs, and do apps run in that engine?
import { mkdtemp } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { greedyServer } from './greedy-app.ts'
import { git, prepareShop } from './machine-shop.ts'
import { bootMachine, canWire, type Machine } from './systemd-machine.ts'
import { until } from './until.ts'

const domain = 'apps.example.com'
const install = ['node', '/src/dist/server/main.js', 'install']

/** A stand-in for an image of Node.js from a registry, which this machine does not reach: its own programs, and what they load. */
const baseImage = `cd / && files=$(ldd /usr/local/bin/node /bin/bash | grep -o '/[^ :]* ' | sort -u | sed 's,^/,,')
tar -chf - usr/local/bin/node bin/bash bin/sh bin/cat bin/sleep $files etc/passwd etc/group | docker import - base:1`

const dockerfile = `FROM base:1
COPY server.js /srv/
USER 1000
EXPOSE 5000
CMD ["node", "/srv/server.js"]
`

const title = 'installed with a Docker Engine (as root, with systemd-nspawn, debootstrap and ip)'

describe.skipIf(!canWire).sequential(title, () => {
  let machine: Machine
  beforeAll(async () => {
    machine = await bootMachine(await mkdtemp(join(tmpdir(), 'deis-machine-')), { wired: true, engine: true })
    await machine.ok(['sh', '-c', `echo 127.0.0.1 deis.${domain} >>/etc/hosts`])
    await machine.ok(['sh', '-ec', baseImage])
  }, 900_000)
  afterAll(() => machine?.remove())

  /** From outside, at port 80. */
  const ask = (app: string, path = '/'): Promise<string> =>
    new Promise((resolve, reject) => {
      const headers = { host: `${app}.${domain}` }
      request({ host: machine.wire!.address, port: 80, path, headers, agent: false }, (answer) => {
        text(answer).then((body) => resolve(answer.statusCode === 200 ? body : `status ${answer.statusCode}`), reject)
      })
        .once('error', reject)
        .end()
    })
  const answers = (app: string, body: string): Promise<unknown> =>
    until({ what: `${app} answers "${body}"` }, async () => (await ask(app)) === body)
  const containers = async (...filter: string[]): Promise<string[]> =>
    (await machine.ok(['docker', 'ps', '--format={{.ID}} {{.Names}}', ...filter])).trim().split('\n').toSorted()
  const doctor = async (): Promise<string> => (await machine.run(['deis', 'doctor'])).stdout

  test('the engine runs as a service of the machine, and limits what containers take', async () => {
    const facts = '{{.ServerVersion}} {{.MemoryLimit}} {{.PidsLimit}} {{.Driver}}'
    expect(await machine.ok(['docker', 'info', `--format=${facts}`])).toMatch(/^\d+\.\S+ true true overlay2$/m)
    expect((await machine.ok(['systemctl', 'is-active', 'docker'])).trim()).toBe('active')
  })

  test('the installation finds the engine by itself', async () => {
    const said = await machine.ok([...install, '--domain', domain])
    expect(said).toContain(`http://<app>.${domain}, run by: docker`)
    // Not the addresses of Docker's own networks.
    expect(said).toContain(`must lead to this machine (${machine.wire!.address}).`)
    expect(await machine.ok(['cat', '/etc/deis/deis.env'])).toMatch(/^DEIS_SCHEDULER=docker$/m)
  })

  test('a push of a Dockerfile is built by the engine, and answers at port 80 from outside', async () => {
    const files = { 'server.js': greedyServer, Dockerfile: dockerfile }
    await prepareShop(machine, domain, files, 'GREETING=hello PORT=5000')
    const { code, stderr } = await machine.run([...git, 'push', 'deis', 'main'])
    expect([code, stderr]).toEqual([0, expect.stringMatching(/Builder: BuildKit of Docker [^]*shop:v3 deployed/)])
    expect(await ask('shop')).toBe('1000 hello')
  })

  test('a fork bomb ends at the number of processes that a container may have', async () => {
    const said = await ask('shop', '/fork')
    expect(said).toMatch(/^\d+ .*Resource temporarily unavailable/)
    const count = Number.parseInt(said, 10)
    expect(count).toBeGreaterThan(3000)
    expect(count).toBeLessThan(4096)
    expect(await ask('shop')).toBe('1000 hello')
  })

  test('a limit of memory holds, and what took more is named', async () => {
    await machine.ok(['deis', 'limits:set', 'cmd=64M', '--app=shop'])
    await ask('shop', '/eat')
    await until({ what: 'the log names it' }, async () =>
      (await machine.ok(['deis', 'logs', '--app=shop'])).includes('used more memory than its limit and was killed'),
    )
    await answers('shop', '1000 hello')
  })

  test('an image that only the engine has is deployed by its name where the settings allow that', async () => {
    await machine.ok(['docker', 'tag', 'base:1', 'mine:7'])
    await machine.ok(['deis', 'create', 'pulled', '--no-remote'])
    await machine.ok(['deis', 'config:set', 'PORT=5000', '--app=pulled'])
    const web = `exec node -e "require('http').createServer((q, r) => r.end('pulled')).listen(process.env.PORT)"`
    const pull = ['deis', 'pull', 'mine:7', '--app=pulled', `--procfile=${JSON.stringify({ web })}`]
    expect((await machine.run(pull)).code).not.toBe(0)
    const before = await containers()
    await machine.ok(['sh', '-c', 'echo DEIS_DOCKER_LOCAL_IMAGES=true >>/etc/deis/deis.env'])
    await machine.ok(['systemctl', 'restart', 'deis-controller'])
    await machine.ok(pull)
    await answers('pulled', 'pulled')
    // A restart of the controller touches no container.
    expect(await containers('--filter=label=io.deis.app=shop')).toEqual(before)
  })

  test('both doctors know the engine, also when it does not answer, and apps are back when it does', async () => {
    expect(await doctor()).toMatch(/^ok +docker +Docker Engine \d/m)
    expect((await machine.run(['deis-server', 'doctor'])).stdout).toMatch(/^ok +docker +engine \d/m)
    // Otherwise its socket starts it at the next request.
    await machine.ok(['systemctl', 'stop', 'docker.socket', 'docker'])
    expect(await doctor()).toMatch(/^missing +docker +.*does not answer .*systemctl start docker$/m)
    const { code, stdout } = await machine.run(['deis-server', 'doctor'])
    expect([code, stdout]).toEqual([1, expect.stringMatching(/^missing +docker +.*apps are to run in one/m)])
    await machine.ok(['systemctl', 'start', 'docker'])
    await Promise.all([answers('shop', '1000 hello'), answers('pulled', 'pulled')])
  })

  test('a backup has the images that only the engine has, and is proven', async () => {
    const said = await machine.ok(['deis-server', 'backup'])
    expect(said).toMatch(/^ +images: 2 whole$/m)
    expect(said).toMatch(/^proven in /m)
  }, 120_000)

  test('after a loss of power all is there again, with the apps', async () => {
    await machine.powerCycle()
    await Promise.all([answers('shop', '1000 hello'), answers('pulled', 'pulled')])
    expect(await doctor()).toMatch(/^ok +apps +every app runs as configured/m)
  })

  test('uninstall leaves the containers, which the next installation takes over, or the printed commands end', async () => {
    const before = await containers()
    expect(before).toHaveLength(2)
    await machine.ok(['deis-server', 'uninstall'])
    expect(await containers()).toEqual(before)
    await machine.ok(install)
    await Promise.all([answers('shop', '1000 hello'), answers('pulled', 'pulled')])
    expect(await containers()).toEqual(before)

    const name = (await machine.ok(['hostname'])).trim()
    const said = await machine.ok(['deis-server', 'uninstall', '--purge', '--yes-destroy', name])
    const commands = said.match(/^ +docker .*/gm) ?? []
    expect(commands).toHaveLength(3)
    for (const command of commands) await machine.ok(['sh', '-c', command])
    const left =
      'docker ps --all --quiet; docker network ls --quiet --filter name=deis-; docker image ls --quiet deis/*'
    expect(await machine.ok(['sh', '-c', left])).toBe('')
    expect((await machine.run(['stat', '/var/lib/deis'])).code).toBe(1)
  })
})
