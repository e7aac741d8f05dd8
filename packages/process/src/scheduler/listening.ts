// Which ports does a process listen on, and which user listens on a port? Linux only: elsewhere the answer is none.
import { open, readdir, readlink } from 'node:fs/promises'

type Listener = { readonly port: number; readonly uid: number; readonly inode: string }

const tables = ['/proc/net/tcp', '/proc/net/tcp6']
const listening = '0A'
/** Some lines: the kernel looks for as many as fit in what is asked for. */
const readBytes = 1024

/** Null: it is the table's head, or of a socket that does not listen. */
function listenerIn(line: string): Listener | null {
  const words = line.trim().split(/\s+/)
  if (words[3] !== listening) return null
  return { port: Number.parseInt(words[1]?.split(':')[1] ?? '', 16), uid: Number(words[7]), inode: words[9] ?? '' }
}

/**
 * The listening sockets in a table such as /proc/net/tcp. Linux lists them first. For each of the others it walks through a table
 * that is large where the machine's memory is, and for all of them that takes 10 ms: they are not asked for.
 */
export async function readListeners(file: string): Promise<Listener[]> {
  const opened = await open(file, 'r').catch(() => null)
  if (opened === null) return []
  try {
    const found: Listener[] = []
    const chunk = Buffer.alloc(readBytes)
    let rest = ''
    for (let isHead = true; ;) {
      const { bytesRead } = await opened.read(chunk, 0, readBytes, null)
      if (bytesRead === 0) return found
      const lines = `${rest}${chunk.toString('latin1', 0, bytesRead)}`.split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        const listener = listenerIn(line)
        if (listener === null && !isHead) return found
        if (listener !== null) found.push(listener)
        isHead = false
      }
    }
  } finally {
    await opened.close()
  }
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
  const found = (await Promise.all(tables.map(readListeners))).flat()
  const ports = found.filter((one) => sockets.has(one.inode)).map((one) => one.port)
  return [...new Set(ports)].toSorted((one, other) => one - other)
}

/** Whether another user than `uid` listens on the port: requests must not go to another app that was faster. */
export async function isOtherUsersPort(port: number, uid: number): Promise<boolean> {
  let isOthers = false
  for (const table of tables) {
    const found = (await readListeners(table)).filter((one) => one.port === port)
    if (found.some((one) => one.uid === uid)) return false
    isOthers ||= found.length > 0
  }
  return isOthers
}
