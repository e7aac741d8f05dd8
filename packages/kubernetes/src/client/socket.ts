// How are a container's input and output sent over one WebSocket? The first byte of each frame is its channel.
import type { ClientRequestArgs, IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { WebSocket } from 'ws'
import { errorOf } from './error.ts'

export const channels = { input: 0, stdout: 1, stderr: 2, status: 3, size: 4, close: 255 } as const

/** `code` is null if the command could not be run, or its end is unknown: `message` says why. */
export type Outcome = { readonly code: number | null; readonly message: string }

export type KubeSocket = {
  /** Whether the input can be ended while the output goes on: from Kubernetes 1.30. */
  readonly endsInput: boolean
  /** Resolves when more can be sent, or the connection is closed. */
  send(channel: number, bytes: Buffer): Promise<void>
  /** Ends the input. With a protocol that cannot, closes the connection when all input has arrived. */
  endInput(): void
  /** Resolves when all output was passed on. Null: the connection was closed, or lost, without a reason. */
  readonly closed: Promise<Outcome | null>
  destroy(): void
}

export type Dial = { readonly address: string; readonly options: ClientRequestArgs }

/** No more is read until the promise resolves. */
export type Take = (channel: number, chunk: Buffer) => Promise<void>

/** Servers have the second since 1.4, the first since 1.29. */
const protocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io']
const handshakeMs = 20_000
/** A server that does not answer pings for `silentMs` counts as dead. */
const patience = { pingMs: 20_000, silentMs: 60_000 }
const frameBytes = 32 * 1024
/** Closing may take as long as the command runs: sent input is read only when the command asks for it. */
const settings = { perMessageDeflate: false, maxPayload: 16 * 1024 * 1024, closeTimeout: 2_000_000_000 }

type Status = {
  readonly status?: string
  readonly message?: string
  readonly details?: { readonly causes?: readonly { readonly reason?: string; readonly message?: string }[] }
}

export function outcomeOf(text: string): Outcome {
  let status: Status
  try {
    status = JSON.parse(text) as Status
  } catch {
    return { code: null, message: text.slice(0, 200) }
  }
  if (status.status === 'Success') return { code: 0, message: '' }
  const code = status.details?.causes?.find(({ reason }) => reason === 'ExitCode')?.message ?? ''
  return { code: /^\d+$/.test(code) ? Number(code) : null, message: status.message ?? '' }
}

/** @throws KubeError when it is refused; the signal's reason. */
async function waitUntilOpen(ws: WebSocket, signal: AbortSignal): Promise<void> {
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

/** Resolves when the connection is open. The signal closes it. */
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
  let lastSign = Date.now()
  /** Input that the command does not read keeps the server from seeing the next ping. */
  let pings = 0
  let mayBlock = 0
  let answered = 0
  const cut = (): void => ws.terminate()
  ws.on('pong', (data: Buffer) => {
    lastSign = Date.now()
    answered = Number(data.toString())
  })
  ws.on('message', (data: Buffer) => {
    lastSign = Date.now()
    const channel = data[0] ?? channels.close
    const chunk = data.subarray(1)
    if (channel === channels.status) outcome = outcomeOf(chunk.toString())
    if (chunk.length === 0 || (channel !== channels.stdout && channel !== channels.stderr)) return
    if (held++ === 0) ws.pause()
    taking = taking
      .then(() => take(channel, chunk))
      // The failure itself is reported by the receiver.
      .catch(cut)
      .then(() => {
        lastSign = Date.now()
        if (--held === 0) ws.resume()
      })
  })
  const closed = new Promise<Outcome | null>((resolve) => {
    ws.on('close', () => resolve(taking.then(() => outcome)))
  })
  await waitUntilOpen(ws, signal)
  signal.addEventListener('abort', cut)
  const timer = setInterval(() => {
    if (held === 0 && answered >= mayBlock && Date.now() - lastSign > silentMs) return cut()
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
      // A server that sees the close drops input that it has not passed on yet. But it reads nothing before it has passed on
      // all earlier input, so its answer to a ping shows that this has happened.
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
