// How are an ssh channel and a git process connected, so that neither can block or crash anything else?
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { Duplex, Readable, Writable } from 'node:stream'
import type { ServerChannel } from 'ssh2'
import { type Patience, stop } from '../push/serve.ts'

export type Client = {
  readonly channel: ServerChannel
  readonly socket: Socket
  /** Aborted when the client cannot be reached any more. */
  readonly gone: AbortSignal
}

// ssh2 writes everything that the client's window allows to the socket, however slowly the socket drains.
const longestBacklog = 4_194_304

/** Writes to a client, unless it left: ssh2 throws when the connection was closed under the channel. */
function write(client: Client, to: Writable, chunk: Buffer | string): boolean {
  if (client.gone.aborted) return true
  try {
    return to.write(chunk) && client.socket.writableLength < longestBacklog
  } catch {
    // The connection is lost: the rest of the output is dropped.
    client.socket.destroy()
    return true
  }
}

export function finish(client: Client, code: number): void {
  if (client.gone.aborted) return
  try {
    client.channel.exit(code)
    client.channel.end()
  } catch {
    // The connection was lost at this moment, so the code is not needed.
    client.socket.destroy()
  }
}

export function say(client: Client, where: 'stdout' | 'stderr', text: string | Buffer): void {
  write(client, where === 'stdout' ? client.channel : client.channel.stderr, text)
}

/** Copies until the source ends; a client that left, or reads nothing for `stalledMs`, no longer slows the source. */
function forward(from: Readable, to: Writable, client: Client, stalledMs: number): void {
  let stalled: NodeJS.Timeout | undefined
  const flow = (): void => {
    clearTimeout(stalled)
    from.resume()
  }
  from.on('data', (chunk: Buffer) => {
    if (write(client, to, chunk)) return
    from.pause()
    clearTimeout(stalled)
    stalled = setTimeout(() => client.socket.destroy(), stalledMs)
  })
  to.on('drain', flow)
  client.socket.on('drain', flow)
  client.gone.addEventListener('abort', flow)
  from.once('close', () => {
    clearTimeout(stalled)
    client.socket.off('drain', flow)
  })
}

/**
 * Joins both until git has ended and all it said was delivered or dropped. What the client sends goes through `check`; when that
 * fails, git ends and the client is told why. @returns git's exit code
 */
export async function attach(
  client: Client,
  child: ChildProcessWithoutNullStreams,
  time: Patience,
  check?: Duplex,
): Promise<number> {
  const { channel } = client
  const idle = setInterval(() => {
    if (!time.isBusy()) stop(child, 5000)
  }, time.idleMs)
  const alive = (): void => void idle.refresh()
  child.stdin.on('error', () => {
    // git ended before it read everything; its exit code says why. The rest is read and dropped.
    channel.resume()
  })
  channel.on('data', alive)
  // A broken connection ends this stream too: git gives up, unless it has everything it needs.
  if (check) channel.pipe(check).pipe(child.stdin)
  else channel.pipe(child.stdin)
  check?.on('error', (error) => {
    say(client, 'stderr', `${error.message}\n`)
    stop(child, 5000)
  })
  for (const [from, to] of [
    [child.stdout, channel],
    [child.stderr, channel.stderr],
  ] as const) {
    from.on('data', alive)
    forward(from, to, client, time.stalledMs)
  }
  try {
    const [code] = (await once(child, 'close')) as [number | null]
    return code ?? 1
  } finally {
    clearInterval(idle)
  }
}
