// How do we talk to a command in a container: one WebSocket, on which the first byte of a frame says what the rest is?
import type { ClientRequestArgs, IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { WebSocket } from 'ws'
import { errorOf } from './error.ts'

export const channels = { input: 0, stdout: 1, stderr: 2, status: 3, size: 4, close: 255 } as const

/** `code` is null when the command could not be run, or nobody knows how it ended: `message` says why. */
export type Outcome = { readonly code: number | null; readonly message: string }

export type KubeSocket = {
  /** Whether the end of the input can be told while the output goes on: from Kubernetes 1.30. */
  readonly endsInput: boolean
  /** Resolves when there is room for more; also when it is too late for any. */
  send(channel: number, bytes: Buffer): Promise<void>
  /** No more input. Where that cannot be told, the connection ends when all of it has arrived. */
  endInput(): void
  /** All output was handed over. Null: the server hung up, or was lost, without saying why. */
  readonly closed: Promise<Outcome | null>
  destroy(): void
}

export type Dial = { readonly address: string; readonly options: ClientRequestArgs }

/** No more is read until the promise resolves. */
export type Take = (channel: number, chunk: Buffer) => Promise<void>

/** The second is known since 1.4, the first since 1.29. */
const protocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io']
const handshakeMs = 20_000
/** A server that says nothing for so long, though it is asked, is taken for dead. */
const patience = { pingMs: 20_000, silentMs: 60_000 }
const frameBytes = 32 * 1024
/** What is on its way is only taken when the command asks for it: closing may take as long as that runs. */
const settings = { perMessageDeflate: false, maxPayload: 16 * 1024 * 1024, closeTimeout: 2_000_000_000 }

type Status = {
  readonly status?: string
  readonly message?: string
  readonly details?: { readonly causes?: readonly { readonly reason?: string; readonly message?: string }[] }
}

export function outcomeOf(said: string): Outcome {
  let status: Status
  try {
    status = JSON.parse(said) as Status
  } catch {
    return { code: null, message: said.slice(0, 200) }
  }
  if (status.status === 'Success') return { code: 0, message: '' }
  const code = status.details?.causes?.find(({ reason }) => reason === 'ExitCode')?.message ?? ''
  return { code: /^\d+$/.test(code) ? Number(code) : null, message: status.message ?? '' }
}

/** @throws KubeError when it is refused; the signal's reason. */
async function shake(ws: WebSocket, signal: AbortSignal): Promise<void> {
  let late = false
  const end = (): void => ws.terminate()
  const timer = setTimeout(() => {
    late = true
    end()
  }, handshakeMs)
  signal.addEventListener('abort', end)
  try {
    await new Promise<void>((resolve, reject) => {
      ws.once('open', resolve)
      ws.on('error', reject)
      ws.on('unexpected-response', (_, answer: IncomingMessage) => {
        text(answer)
          .then((body) => reject(errorOf(answer.statusCode ?? 0, body, answer.headers['retry-after'])))
          .catch(reject)
          .finally(end)
      })
    })
  } catch (error) {
    end()
    signal.throwIfAborted()
    if (!late) throw error
    const message = `the Kubernetes API did not open a connection within ${handshakeMs / 1000} s`
    throw Object.assign(new Error(message, { cause: error }), { code: 'ETIMEDOUT' })
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', end)
  }
}

/** Resolves when the server has agreed. With the signal the connection is cut. */
export async function openSocket(
  { address, options }: Dial,
  take: Take,
  signal: AbortSignal,
  { pingMs, silentMs } = patience,
): Promise<KubeSocket> {
  signal.throwIfAborted()
  const ws = new WebSocket(address, protocols, { ...options, ...settings })
  let outcome: Outcome | null = null
  let taking = Promise.resolve()
  let held = 0
  let heard = Date.now()
  /** Input that the command does not read keeps the server from seeing our next ping. */
  let pings = 0
  let mayBlock = 0
  let answered = 0
  const cut = (): void => ws.terminate()
  ws.on('pong', (data: Buffer) => {
    heard = Date.now()
    answered = Number(data.toString())
  })
  ws.on('message', (data: Buffer) => {
    heard = Date.now()
    const channel = data[0] ?? channels.close
    const chunk = data.subarray(1)
    if (channel === channels.status) outcome = outcomeOf(chunk.toString())
    if (chunk.length === 0 || (channel !== channels.stdout && channel !== channels.stderr)) return
    if (held++ === 0) ws.pause()
    taking = taking
      .then(() => take(channel, chunk))
      // Whoever cannot take it any more says so in ways of its own.
      .catch(cut)
      .then(() => {
        heard = Date.now()
        if (--held === 0) ws.resume()
      })
  })
  const closed = new Promise<Outcome | null>((resolve) => {
    ws.on('close', () => resolve(taking.then(() => outcome)))
  })
  await shake(ws, signal)
  signal.addEventListener('abort', cut)
  const timer = setInterval(() => {
    if (held === 0 && answered >= mayBlock && Date.now() - heard > silentMs) return cut()
    if (ws.readyState === WebSocket.OPEN) ws.ping(String(++pings))
  }, pingMs)
  ws.on('close', () => {
    clearInterval(timer)
    signal.removeEventListener('abort', cut)
  })
  const frame = (channel: number, bytes: Buffer): Promise<void> =>
    new Promise((resolve) => {
      ws.send(Buffer.concat([Buffer.from([channel]), bytes]), () => resolve())
    })

  return {
    endsInput: ws.protocol === protocols[0],
    async send(channel, bytes) {
      mayBlock = pings + 1
      for (let at = 0; at < bytes.length && ws.readyState === WebSocket.OPEN; at += frameBytes)
        await frame(channel, bytes.subarray(at, at + frameBytes))
    },
    endInput() {
      if (ws.protocol === protocols[0]) return void frame(channels.close, Buffer.from([channels.input]))
      // A server that hears of the end drops what it has not passed on yet. It takes nothing, however, before it has passed on
      // all that came before, and answers no ping before it has taken that.
      const asked = ++pings
      mayBlock = asked
      ws.on('pong', () => {
        if (answered >= asked) ws.close(1000)
      })
      void frame(channels.input, Buffer.alloc(0))
      ws.ping(String(asked))
    },
    closed,
    destroy: cut,
  }
}
