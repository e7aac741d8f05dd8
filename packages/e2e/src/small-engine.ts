// How does a Docker Engine with a small disk of its own come up for a test, so that others lose nothing when that is full?
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { testEngine } from './engine.ts'
import { until } from './until.ts'

const run = promisify(execFile)
const program = '/usr/sbin/dockerd'

/** It needs root for the disk, and an engine's program. */
export const isSmallEnginePossible = testEngine !== null && process.getuid?.() === 0 && existsSync(program)

export type SmallEngine = {
  readonly host: string
  docker(...args: string[]): Promise<string>
  /** Bytes. */
  free(): Promise<number>
  /** Ends it, and its containers with it, and starts it again. */
  restart(): Promise<void>
  stop(): Promise<void>
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'exit')
}

export async function startSmallEngine(megabytes: number): Promise<SmallEngine> {
  // The path of a socket has at most 108 characters.
  const folder = await mkdtemp('/tmp/deis-small-')
  const disk = join(folder, 'disk')
  const host = `unix://${join(folder, 'socket')}`
  const bridge = `deissm${randomBytes(3).toString('hex')}`
  let engine: ChildProcess | null = null
  const docker = async (...args: string[]): Promise<string> => {
    const env = { ...process.env, DOCKER_HOST: host }
    return (await run('docker', args, { env, timeout: 120_000 })).stdout.trim()
  }
  const listed = async (...args: string[]): Promise<string[]> =>
    (await docker(...args, '--quiet')).split('\n').filter((id) => id !== '')
  const stop = async (): Promise<void> => {
    if (engine) {
      const containers = await listed('ps', '--all')
      if (containers.length > 0) await docker('rm', '--force', '--volumes', ...containers)
      // Their bridges would stay in the machine, and keep their addresses from others.
      const networks = await listed('network', 'ls', '--filter', 'type=custom')
      if (networks.length > 0) await docker('network', 'rm', ...networks)
      await end(engine)
    }
    await run('umount', ['--recursive', disk])
    await run('ip', ['link', 'delete', bridge]).catch(() => {})
    await rm(folder, { recursive: true, force: true })
  }
  const begin = async (): Promise<void> => {
    const data = [
      '--data-root',
      join(disk, 'data'),
      '--exec-root',
      join(folder, 'exec'),
      '--pidfile',
      join(folder, 'pid'),
    ]
    const apart = ['--bridge', bridge, '--iptables=false', '--ip-forward=false', '--log-level', 'error']
    engine = spawn(program, ['--host', host, ...data, ...apart], { stdio: 'ignore' })
    await until({ what: 'the engine answers', seconds: 60 }, () =>
      docker('version').then(
        () => true,
        () => false,
      ),
    )
  }
  await mkdir(disk)
  await run('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'deis-small', disk])
  try {
    // Of its own, as that of another engine may have this name; without rules of iptables, which all engines share.
    await run('ip', ['link', 'add', bridge, 'type', 'bridge'])
    await run('ip', ['address', 'add', `10.206.255.${randomInt(16) * 16 + 1}/28`, 'dev', bridge])
    await run('ip', ['link', 'set', bridge, 'up'])
    await begin()
  } catch (error) {
    await stop()
    throw error
  }
  const free = async (): Promise<number> => {
    const { bavail, bsize } = await statfs(disk)
    return bavail * bsize
  }
  const restart = async (): Promise<void> => {
    if (engine) await end(engine)
    await begin()
  }
  return { host, docker, free, restart, stop }
}
