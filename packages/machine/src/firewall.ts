// How are the ports of apps closed to everything but the platform, so that no request bypasses the router?
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { text } from 'node:stream/consumers'

/** A port that a process of an app may listen on, and the app's user, which may connect to it as well; null: no other user. */
export type Guarded = { readonly port: number; readonly uid: number | null }

export type Firewall = {
  readonly active: boolean
  /** What is enforced, or why nothing is and what to do about it. */
  readonly reason: string
  /** Resolves when exactly these ports are closed. @throws when they could not be. */
  guard(ports: readonly Guarded[]): Promise<void>
  /** Opens everything again. */
  remove(): Promise<void>
  /** Leaves the ports closed: processes may outlive the controller. */
  leave(): void
}

/** At the first use the kernel loads modules for nft, which takes a slow machine long. A start waits for it no longer than this. */
export const nftStartMs = 120_000
/** `first`: it is said after `said`. */
type Times = { readonly first: number; readonly later: number; readonly said: number }
const usual: Times = { first: nftStartMs, later: 10_000, said: 5_000 }
/** Reloading the machine's own firewall may remove our table: it is restored this often. */
const repeatMs = 60_000

/** Several platforms on one machine have a table each. */
export function tableName(folder: string): string {
  return `deis_${createHash('sha256').update(resolve(folder)).digest('hex').slice(0, 12)}`
}

const elements = (list: readonly string[]): string => (list.length > 0 ? `elements = { ${list.join(', ')} }` : '')

/**
 * One transaction of nft that replaces the table. Only ports in use are listed: others in the range belong to other programs.
 * On this machine only the users of the platform and the port's own app may connect, and no other machine may.
 */
function ruleset(table: string, platform: string, ports: readonly Guarded[]): string {
  const own = ports.filter(({ uid }) => uid !== null).map(({ uid, port }) => `${uid} . ${port}`)
  return `table inet ${table}
delete table inet ${table}
table inet ${table} {
  set ports {
    type inet_service
    ${elements(ports.map(({ port }) => String(port)))}
  }
  set own {
    typeof meta skuid . tcp dport
    ${elements(own)}
  }
  chain incoming {
    type filter hook input priority filter; policy accept;
    iifname != "lo" tcp dport @ports drop
    iifname != "lo" udp dport @ports drop
  }
  chain outgoing {
    type filter hook output priority filter; policy accept;
    tcp dport != @ports accept
    oifname != "lo" accept
    meta skuid ${platform} accept
    meta skuid . tcp dport @own accept
    tcp flags & (fin | syn | rst | ack) == syn reject with tcp reset
  }
}
`
}

async function nft(path: string, input: string, ms: number): Promise<void> {
  const late = AbortSignal.timeout(ms)
  const child = spawn('nft', ['-f', '-'], {
    env: { PATH: path },
    stdio: ['pipe', 'ignore', 'pipe'],
    // Not `timeout`: its timer runs on where there is no nft, and a program that is done waits for it.
    signal: late,
    killSignal: 'SIGKILL',
  })
  const ended = once(child, 'close') as Promise<[number | null]>
  // It may end before it has read everything; its exit code shows that.
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const [errors, [code]] = await Promise.all([text(child.stderr), ended]).catch((error: unknown) => {
    throw late.aborted ? new Error(`nft failed: it did not end within ${ms / 1000} s`) : error
  })
  if (code !== 0) throw new Error(`nft failed: ${errors.trim().slice(0, 500) || `exit code ${code}`}`)
}

/** Where nothing can be closed. */
export function noFirewall(reason: string): Firewall {
  return { active: false, reason, guard: async () => {}, remove: async () => {}, leave: () => {} }
}

export type FirewallOptions = {
  /** The platform's folder: names the table. */
  readonly folder: string
  readonly path: string
  readonly ports: { readonly first: number; readonly last: number }
  /** The name or the number of the user that the router runs as; default: the user of this process. */
  readonly routerUser?: string | null
  readonly failed: (error: unknown) => void
  /** Called when the first call of nft takes long; `seconds`: its deadline. */
  readonly slow: (seconds: number) => void
  readonly times?: Times
  /** Further folders where nft may be; not every PATH has them. */
  readonly systemFolders?: readonly string[]
}

/** Tries it first: without the permission or without nft no port is closed, and `reason` says what to do instead. */
export async function openFirewall({
  folder,
  ports,
  routerUser = null,
  failed,
  slow,
  times = usual,
  systemFolders = ['/usr/sbin', '/sbin'],
  ...options
}: FirewallOptions): Promise<Firewall> {
  const path = [options.path, ...systemFolders].join(':')
  const range = `${ports.first} to ${ports.last}`
  const remedy = `requests sent directly to an app's port bypass the router with its whitelist, TLS and maintenance mode: close ports ${range} to other machines in your firewall`
  const uid = process.getuid?.()
  if (process.platform !== 'linux') return noFirewall(`ports ${range} cannot be closed on this system; ${remedy}`)
  if (uid !== 0) return noFirewall(`the platform does not run as root, so it cannot close ports ${range}; ${remedy}`)
  const table = tableName(folder)
  const platform = `{ ${[String(uid), ...(routerUser === null ? [] : [routerUser])].join(', ')} }`
  let wanted: readonly Guarded[] = []
  const told = setTimeout(() => slow(times.first / 1000), times.said)
  try {
    // A table of its own: ports that an earlier controller closed stay closed until the ports in use are known. It has all that
    // the other one has, so that the kernel has loaded everything when processes wait for their ports.
    const probe = `${table}_probe`
    await nft(path, `${ruleset(probe, platform, [])}delete table inet ${probe}\n`, times.first)
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    const why = missing ? 'nft is not installed (package nftables)' : (error as Error).message
    return noFirewall(`${why}; ${remedy}`)
  } finally {
    clearTimeout(told)
  }
  let last = Promise.resolve()
  let next: Promise<void> | null = null
  /** One at a time; all calls in the meantime share the next one, which writes the latest ports. */
  const write = (): Promise<void> => {
    if (next) return next
    const result = last.then(() => {
      next = null
      return nft(path, ruleset(table, platform, wanted), times.later)
    })
    next = result
    last = result.catch(() => {})
    return result
  }
  const timer = setInterval(() => {
    if (wanted.length > 0) write().catch(failed)
  }, repeatMs)
  timer.unref()
  return {
    active: true,
    reason: `ports of apps (${range}) accept connections from the router only`,
    guard(now) {
      wanted = now
      return write()
    },
    async remove() {
      clearInterval(timer)
      wanted = []
      await last
      await nft(path, `table inet ${table}\ndelete table inet ${table}\n`, times.later)
    },
    leave: () => clearInterval(timer),
  }
}
