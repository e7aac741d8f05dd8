// Which processes of this machine belong to what a test started? Linux only: elsewhere none are found.
import { readdir, readFile, readlink, stat } from 'node:fs/promises'

export type Process = {
  readonly pid: number
  readonly uid: number
  readonly parent: number
  readonly command: string
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
}

function pairs(text: string): Record<string, string> {
  const found: Record<string, string> = {}
  for (const pair of text.split('\0')) {
    const at = pair.indexOf('=')
    if (at > 0) found[pair.slice(0, at)] = pair.slice(at + 1)
  }
  return found
}

async function look(pid: number): Promise<Process | null> {
  const place = `/proc/${pid}`
  try {
    const [command, env, cwd, status, owner] = await Promise.all([
      readFile(`${place}/cmdline`, 'utf8'),
      readFile(`${place}/environ`, 'utf8'),
      readlink(`${place}/cwd`),
      readFile(`${place}/status`, 'utf8'),
      stat(place),
    ])
    // Ended, and only not yet asked for its exit code.
    if (/^State:\s+Z/m.test(status)) return null
    const parent = Number(/^PPid:\s+(\d+)/m.exec(status)?.[1])
    return { pid, uid: owner.uid, parent, command: command.replaceAll('\0', ' ').trim(), env: pairs(env), cwd }
  } catch {
    // It ended meanwhile, or is somebody else's.
    return null
  }
}

export async function processes(): Promise<Process[]> {
  if (process.platform !== 'linux') return []
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  return (await Promise.all(pids.map((pid) => look(Number(pid))))).filter((one) => one !== null)
}

/** Whatever works in a folder, was told of it, or has it in its environment. */
export async function processesAround(folder: string): Promise<Process[]> {
  const mentions = (text: string): boolean => text === folder || text.includes(`${folder}/`)
  return (await processes()).filter(
    ({ pid, command, env, cwd }) =>
      pid !== process.pid && (mentions(command) || mentions(cwd) || Object.values(env).some(mentions)),
  )
}

/** One line each, for the message of a test that fails. */
export function shown(found: readonly Process[]): string[] {
  return found.map(({ pid, command, cwd }) => `${pid} ${command} (in ${cwd})`)
}

/** The number on this machine of a process that has another one in its own namespace, by a variable of its environment. */
export async function pidOutside(name: string, value: string, inside: number): Promise<number> {
  for (const { pid, env } of await processes()) {
    if (env[name] !== value) continue
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
    if (Number(/^NSpid:.*\s(\d+)$/m.exec(status)?.[1] ?? pid) === inside) return pid
  }
  return inside
}
