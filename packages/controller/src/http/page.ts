// How does a browser get the page of the platform?
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  // The licences of what is bundled.
  '.md': 'text/markdown; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** Nothing but its own files and its own API: what slips into a text of the page can load, send and run nothing. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const pageHeaders = {
  'content-security-policy': policy,
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
}

type File = { readonly type: string; readonly body: Buffer; readonly packed: Buffer; readonly tag: string }

/** The files of a build, by address; few and small, so they are kept. Empty where there is no build. */
function filesIn(folder: string): ReadonlyMap<string, File> {
  const files = new Map<string, File>()
  let names: string[]
  try {
    names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  } catch {
    return files
  }
  for (const name of names) {
    const type = types[extname(name)]
    if (type === undefined) continue
    const body = readFileSync(join(folder, name))
    const tag = `"${createHash('sha256').update(body).digest('hex').slice(0, 32)}"`
    files.set(name === 'index.html' ? '/' : `/${name}`, { type, body, packed: gzipSync(body, { level: 9 }), tag })
  }
  return files
}

/** The names of what `/assets` has change with its content. */
const lifetime = (path: string): string =>
  path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache'

function send(path: string, { type, body, packed, tag }: File, request: FastifyRequest, reply: FastifyReply): unknown {
  reply.headers({ ...pageHeaders, etag: tag, 'cache-control': lifetime(path), vary: 'accept-encoding' })
  if (request.headers['if-none-match'] === tag) return reply.code(304).send()
  const isPacked = /(?:^|,)\s{0,8}gzip\s{0,8}(?:,|;|$)/.test(request.headers['accept-encoding'] ?? '')
  if (isPacked) reply.header('content-encoding', 'gzip')
  return reply.type(type).send(isPacked ? packed : body)
}

export function servePage(server: FastifyInstance, folder: string): void {
  for (const [path, file] of filesIn(folder))
    server.get(path, async (request, reply) => send(path, file, request, reply))
}
