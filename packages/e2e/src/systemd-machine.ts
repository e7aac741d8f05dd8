// How is there a machine with systemd in a test? A Debian in a container of systemd-nspawn, with a network of its own.
import { execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { controllersOf, type Controllers, inControllers } from './machine-cgroups.ts'
import { until } from './until.ts'

const run = promisify(execFile)

/** Another release of Debian that debootstrap knows, for those who want to see one. */
const suite = process.env.TEST_DEBIAN ?? 'bookworm'
const packages =
  'systemd,systemd-sysv,dbus,git,ca-certificates,iproute2,nftables,procps,passwd,util-linux,curl,openssh-client'
/** Its command is a package of its own since Debian 13. */
const engineOf = suite === 'bookworm' ? 'docker.io' : 'docker.io,docker-cli'
const cache = process.env.DEIS_CI_CACHE || '/var/cache/deis-ci'

const has = (...argv: [string, ...string[]]): boolean =>
  spawnSync(argv[0], argv.slice(1), { stdio: 'ignore' }).error === undefined

/** Whether this machine can have such a one. */
export const canBoot: boolean =
  process.getuid?.() === 0 &&
  has('systemd-nspawn', '--version') &&
  has('debootstrap', '--version') &&
  has('nsenter', '-V')
/** And whether it can be reached from here. */
export const canWire: boolean = canBoot && has('ip', '-V')

/** Made once, and kept: fetching the packages takes a minute. */
async function baseSystem(engine: boolean): Promise<string> {
  const base = join(cache, `systemd-${suite}${engine ? '-docker' : ''}`)
  if ((await stat(base).catch(() => null)) !== null) return base
  await mkdir(cache, { recursive: true })
  const next = await mkdtemp(`${base}-new-`)
  const mirror = process.env.DEIS_CI_MIRROR ? [process.env.DEIS_CI_MIRROR] : []
  await run(
    'debootstrap',
    ['--variant=minbase', `--include=${packages}${engine ? `,${engineOf}` : ''}`, suite, next, ...mirror],
    {
      maxBuffer: 64 * 1024 * 1024,
    },
  )
  // Another run may have been faster.
  await rename(next, base).catch(() => rm(next, { recursive: true }))
  return base
}

export type Answer = { readonly code: number; readonly stdout: string; readonly stderr: string }

/** Between a machine and this one, on a wire that only these two have. */
export type Wire = { readonly address: string; readonly hostAddress: string }

export type Machine = {
  /** Null: it has no network. */
  readonly wire: Wire | null
  /** Its file system, from outside. */
  readonly root: string
  /** Runs a program there as root; its exit code may be anything. */
  run(argv: readonly string[], input?: string): Promise<Answer>
  /** The same, and its output; @throws when the exit code is not 0. */
  ok(argv: readonly string[], input?: string): Promise<string>
  /** As a loss of power would end it, and on again. */
  powerCycle(): Promise<void>
  /** In its place, with its address, there is one that has nothing of it. */
  replace(): Promise<void>
  remove(): Promise<void>
}

const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
const dist = fileURLToPath(new URL('../../../dist', import.meta.url))

async function childrenOf(pid: number | undefined): Promise<number[]> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
  return children.trim().split(' ').filter(Boolean).map(Number)
}

/** A network namespace of that name, whose one interface leads here. */
async function makeWire(name: string): Promise<Wire> {
  // A network of four addresses for each process that has one.
  const first = (process.pid % 2 ** 14) * 4
  const [address, hostAddress] = [2, 1].map((host) => `10.77.${first >> 8}.${(first & 255) + host}`) as [string, string]
  const wire = { address, hostAddress }
  const ip = (...args: string[]) => run('ip', args)
  await ip('netns', 'add', name)
  await ip('link', 'add', name, 'type', 'veth', 'peer', 'name', 'host0', 'netns', name)
  await ip('addr', 'add', `${wire.hostAddress}/30`, 'dev', name)
  await ip('link', 'set', name, 'up')
  await ip('-n', name, 'addr', 'add', `${wire.address}/30`, 'dev', 'host0')
  for (const device of ['lo', 'host0']) await ip('-n', name, 'link', 'set', device, 'up')
  return wire
}

/**
 * `folder`: where it is kept. The built platform is in /src/dist there, and the Node.js of this machine on its PATH. `wired`: whether this
 * machine and that one reach each other. `limits`: it has
 * cgroups that it may write. `engine`: and Debian's Docker Engine.
 */
export async function bootMachine(
  folder: string,
  { wired = false, engine = false, limits = false } = {},
): Promise<Machine> {
  const root = join(folder, 'machine')
  const namespace = `deis-${process.pid}`
  const wire = wired ? await makeWire(namespace) : null
  const network = wired ? `--network-namespace-path=/run/netns/${namespace}` : '--private-network'
  let controllers: Controllers | null = null
  let init = 0
  let end = async (): Promise<void> => {}

  const putSystem = async (): Promise<void> => {
    await run('cp', ['-a', '--reflink=auto', '--', await baseSystem(engine), root])
    await cp(process.execPath, join(root, 'usr/local/bin/node'))
  }

  const boot = async (): Promise<void> => {
    const options = ['--quiet', '--register=no', '--keep-unit', network, '--console=pipe']
    const rights = engine ? ['--capability=all', '--system-call-filter=@keyring bpf'] : []
    const folders = [`--directory=${root}`, `--bind-ro=${dist}:/src/dist`]
    const nspawn = ['systemd-nspawn', ...options, ...rights, ...folders]
    if (engine || limits) controllers = await controllersOf(`deis-machine-${process.pid}`)
    const [program, ...args] = controllers === null ? [...nspawn, '--boot'] : inControllers(controllers, nspawn)
    // Engines since 26 write settings of the networks that they make.
    const env = { ...process.env, ...(engine ? { SYSTEMD_NSPAWN_API_VFS_WRITABLE: 'network' } : {}) }
    const child = spawn(program!, args, { stdio: ['ignore', 'pipe', 'pipe'], env })
    let said = ''
    for (const output of [child.stdout, child.stderr]) output.on('data', (text: Buffer) => (said += text.toString()))
    const ended = once(child, 'exit')
    end = async () => {
      // What runs inside ends with its first process, and systemd-nspawn with that.
      for (const pid of await childrenOf(child.pid)) process.kill(pid, 'SIGKILL')
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await ended
      await controllers?.remove()
    }
    await until({ what: 'the machine is up', seconds: 120 }, async () => {
      if (child.exitCode !== null) throw new Error(`systemd-nspawn ended: ${said}`)
      // Its first child may be one that only makes the namespaces.
      init = (await childrenOf(child.pid)).at(-1) ?? 0
      if (init === 0) return false
      const { stdout } = await machine.run(['systemctl', 'is-system-running'])
      return /^(running|degraded)$/.test(stdout.trim())
    })
  }

  const machine: Machine = {
    root,
    wire,
    async run(argv, input = '') {
      const inside = ['env', '-i', `PATH=${path}`, 'HOME=/root', 'LANG=C.UTF-8', ...argv]
      const child = spawn('nsenter', [`--target=${init}`, '--all', '--', ...inside], { stdio: 'pipe' })
      let [stdout, stderr] = ['', '']
      child.stdout.on('data', (text: Buffer) => (stdout += text.toString()))
      child.stderr.on('data', (text: Buffer) => (stderr += text.toString()))
      child.stdin.on('error', () => {})
      child.stdin.end(input)
      const [code] = (await once(child, 'close')) as [number | null]
      return { code: code ?? -1, stdout, stderr }
    },
    async ok(argv, input) {
      const { code, stdout, stderr } = await machine.run(argv, input)
      if (code !== 0) throw new Error(`${argv.join(' ')} ended with code ${code}: ${stderr}\n${stdout}`)
      return stdout
    },
    async powerCycle() {
      await end()
      await boot()
    },
    async replace() {
      await end()
      await rm(root, { recursive: true })
      await putSystem()
      await boot()
    },
    async remove() {
      await end()
      // Its interface goes with it, and the other end of that.
      if (wire) await run('ip', ['netns', 'delete', namespace])
      await rm(folder, { recursive: true, force: true })
    },
  }
  try {
    await putSystem()
    await boot()
  } catch (error) {
    await machine.remove()
    throw error
  }
  return machine
}
