// Which ports does a process listen on, and which user listens on a port? Linux only: elsewhere the answer is none.
import { readdir, readFile, readlink } from 'node:fs/promises'

type Listener = { readonly port: number; readonly uid: number; readonly inode: string }

/** The listening sockets in a table such as /proc/net/tcp. */
export function parseListeners(table: string): Listener[] {
  return table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((words) => words[3] === '0A')
    .map((words) => ({
      port: Number.parseInt(words[1]?.split(':')[1] ?? '', 16),
      uid: Number(words[7]),
      inode: words[9] ?? '',
    }))
}

async function listeners(): Promise<Listener[]> {
  const tables = await Promise.all(
    ['/proc/net/tcp', '/proc/net/tcp6'].map((file) => readFile(file, 'utf8').catch(() => '')),
  )
  return tables.flatMap(parseListeners)
}

async function socketsOf(pid: number): Promise<string[]> {
  const folder = `/proc/${pid}/fd`
  const fds = await readdir(folder).catch(() => [])
  const links = await Promise.all(fds.map((fd) => readlink(`${folder}/${fd}`).catch(() => '')))
  return links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? [])
}

/** The ports that any of these processes listens on, in ascending order. */
export async function listeningPorts(pids: readonly number[]): Promise<number[]> {
  const sockets = new Set((await Promise.all(pids.map(socketsOf))).flat())
  const ports = (await listeners()).filter((one) => sockets.has(one.inode)).map((one) => one.port)
  return [...new Set(ports)].toSorted((one, other) => one - other)
}

/** Whether another user than `uid` listens on the port: requests must not go to another app that was faster. */
export async function isOtherUsersPort(port: number, uid: number): Promise<boolean> {
  const found = (await listeners()).filter((one) => one.port === port)
  return found.length > 0 && found.every((one) => one.uid !== uid)
}
