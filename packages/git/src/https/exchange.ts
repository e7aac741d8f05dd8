// How are an HTTP exchange and a git process connected, so that neither can block or crash anything else?
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Duplex, pipeline, Transform } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { errorPacket, fatalPacket, flush, textPacket } from '../push/packets.ts'
import { type GitClient, type Patience, stop } from '../push/serve.ts'
import type { GitRequest } from './request.ts'

/** What a fetch says of what it has and wants; git keeps it in memory. Pushes have limits of their own. */
const mostOfFetch = 16 * 1024 * 1024
/** For what the client still sends when the answer is known. */
const restMs = 30_000

function atMost(bytes: number): Transform {
  let size = 0
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length
      if (size > bytes) done(new Error('The request is too large.'))
      else done(null, chunk)
    },
  })
}

/** Clients read an answer when they have sent everything. */
async function rest(request: IncomingMessage, gone: AbortSignal): Promise<void> {
  if (request.readableEnded) return
  request.resume()
  await once(request, 'end', { signal: AbortSignal.any([gone, AbortSignal.timeout(restMs)]) }).catch(() =>
    request.destroy(),
  )
}

export type Exchange = {
  readonly client: GitClient
  /** What the client reads instead of git's output, if git has not said anything. */
  refuse(text: string): void
  /** Ends the answer; resolves when the client has all of it, or left. */
  end(code: number): Promise<void>
}

export function openExchange(
  { call, encoding }: GitRequest,
  request: IncomingMessage,
  response: ServerResponse,
): Exchange {
  const { service } = call
  const isListing = call.step === 'refs'
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  request.on('error', () => gone.abort())
  response.on('error', () => gone.abort())
  if (response.destroyed) gone.abort()
  let warning = ''

  const begin = (): void => {
    if (response.headersSent) return
    response.writeHead(200, {
      'content-type': `application/x-${service}-${isListing ? 'advertisement' : 'result'}`,
      'cache-control': 'no-cache, no-store',
      // nginx would hold back the lines of a build until a buffer is full.
      'x-accel-buffering': 'no',
    })
    // Version 2 begins without the name of the service.
    if (isListing && call.protocol !== 'version=2')
      response.write(Buffer.concat([textPacket(`# service=${service}\n`), flush]))
  }
  const refuse = (text: string): void => {
    if (response.headersSent || gone.signal.aborted) return
    begin()
    // A push reads its answer from side bands; everything else knows the plain form.
    response.write(isListing || service === 'git-upload-pack' ? errorPacket(text) : fatalPacket(text))
  }

  /** Copies what git says; a client that reads nothing for `stalledMs` is given up. */
  const forward = (child: ChildProcessWithoutNullStreams, stalledMs: number): void => {
    let stalled: NodeJS.Timeout | undefined
    const flow = (): void => {
      clearTimeout(stalled)
      child.stdout.resume()
    }
    child.stdout.on('data', (chunk: Buffer) => {
      if (gone.signal.aborted) return
      begin()
      if (response.write(chunk)) return
      child.stdout.pause()
      clearTimeout(stalled)
      stalled = setTimeout(() => response.destroy(), stalledMs)
    })
    response.on('drain', flow)
    gone.signal.addEventListener('abort', flow)
    child.stdout.once('close', () => clearTimeout(stalled))
  }

  const join = (child: ChildProcessWithoutNullStreams, check: Duplex): void => {
    const parts = [...(encoding === 'gzip' ? [createGunzip()] : []), check]
    const [first = check] = parts
    // Not part of the pipeline, which would close the connection before the client has its answer.
    request.pipe(first)
    // A request that breaks off ends git's input too: git gives up, unless it has everything it needs.
    request.once('close', () => {
      if (!request.readableEnded) first.destroy()
    })
    pipeline([...parts, child.stdin], (error) => {
      if (!error) return
      // The client may still be sending.
      request.resume()
      const { code } = error
      const isDamaged = code?.startsWith('Z_') ?? false
      // Otherwise git ended before it had read everything, and says why, or the client left.
      if (code !== undefined && !isDamaged) return
      warning ||= isDamaged ? 'The compressed request is damaged.' : error.message
      stop(child, 5000)
    })
  }

  const attach = async (
    child: ChildProcessWithoutNullStreams,
    { idleMs, stalledMs, isBusy }: Patience,
    check?: Duplex,
  ): Promise<number> => {
    const idle = setInterval(() => {
      if (!isBusy()) stop(child, 5000)
    }, idleMs)
    const alive = (): void => void idle.refresh()
    request.on('data', alive)
    child.stdout.on('data', alive)
    // What matters of it is in the side bands.
    child.stderr.resume()
    join(child, check ?? atMost(mostOfFetch))
    forward(child, stalledMs)
    try {
      const [code] = (await once(child, 'close')) as [number | null]
      return code ?? 1
    } finally {
      clearInterval(idle)
    }
  }

  return {
    client: { gone: gone.signal, warn: (text) => (warning ||= text.trimEnd()), attach },
    refuse,
    async end(code) {
      if (code !== 0) refuse(warning || 'git could not do this: the request was not complete, or not valid')
      if (gone.signal.aborted) return
      begin()
      await rest(request, gone.signal)
      response.end()
      if (!response.writableFinished && !gone.signal.aborted) await once(response, 'close').catch(() => {})
    },
  }
}
