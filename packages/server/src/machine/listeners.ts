// Which programs of this machine listen on which TCP ports?
import { readdir, readFile, readlink } from 'node:fs/promises'
import { ask } from './ask.ts'

export type Listener = {
  readonly port: number
  /** Whether only this machine reaches it. */
  readonly local: boolean
  /** The program and its pid; null where only root may know. */
  readonly program: string | null
  /** The service of systemd that it belongs to, or the socket that systemd itself keeps open. */
  readonly unit: string | null
}

const init = '1'

type Owner = { readonly program: string; readonly unit: string | null }

const listening = '0A'

/** Lines of /proc/net/tcp or tcp6 that are listening sockets. */
export function socketsOf(table: string): { port: number; local: boolean; inode: string }[] {
  return table
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [, address = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/)
      const [host = '', port = ''] = address.split(':')
      if (state !== listening) return []
      // 127.0.0.0/8, ::1 and ::ffff:127.0.0.0/104, each word in the order of the machine's bytes.
      const local = /^(.{6}7F|0{24}01000000|0{16}FFFF0000.{6}7F)$/i.test(host)
      return [{ port: Number.parseInt(port, 16), local, inode }]
    })
}

/** The innermost service in the text of /proc/PID/cgroup. */
export function unitOf(cgroups: string): string | null {
  return /\/([\w@.-]{1,200}\.service)(?![\w@.-])/.exec(cgroups)?.[1] ?? null
}

/** In what `systemctl list-sockets` prints: the unit for which systemd has a port open. */
export function socketUnitOf(list: string, port: number): string | null {
  const lines = list.split('\n').map((line) => line.trim().split(/\s+/))
  return lines.find(([address = '']) => address === String(port) || address.endsWith(`:${port}`))?.[1] ?? null
}

/** The programs that have the sockets `inodes`; one to which systemd passes a socket counts before systemd itself. */
async function owners(inodes: ReadonlySet<string>): Promise<Map<string, Owner>> {
  const found = new Map<string, Owner>()
  const byInit = new Set<string>()
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    // A process that ends meanwhile, or belongs to another user, has nothing to tell.
    const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => [])
    for (const descriptor of descriptors) {
      const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => '')
      const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1]
      if (inode === undefined || !inodes.has(inode) || (found.has(inode) && !byInit.has(inode))) continue
      if (pid === init) byInit.add(inode)
      else byInit.delete(inode)
      const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => 'a process')
      const cgroups = await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => '')
      found.set(inode, { program: `${name.trim()} (pid ${pid})`, unit: unitOf(cgroups) })
    }
  }
  return found
}

/** Those on `ports`, each port once. */
export async function listenersOn(ports: readonly number[]): Promise<Listener[]> {
  const tables = await Promise.all(
    ['/proc/net/tcp', '/proc/net/tcp6'].map((file) => readFile(file, 'utf8').catch(() => '')),
  )
  const sockets = tables.flatMap(socketsOf).filter(({ port }) => ports.includes(port))
  const known = await owners(new Set(sockets.map(({ inode }) => inode)))
  const held = [...known.values()].some(({ program }) => program.endsWith(`(pid ${init})`))
  const list = held ? (await ask(['systemctl', 'list-sockets', '--plain', '--no-legend'])).stdout : ''
  return ports.flatMap((port) => {
    const here = sockets.filter((socket) => socket.port === port)
    if (here.length === 0) return []
    const owner = here.map(({ inode }) => known.get(inode)).find((one) => one !== undefined)
    return [
      {
        port,
        local: here.every(({ local }) => local),
        program: owner?.program ?? null,
        unit: owner?.unit ?? socketUnitOf(list, port),
      },
    ]
  })
}
