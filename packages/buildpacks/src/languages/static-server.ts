// Which program serves a static site from within its slug? It has no dependencies and is plain text here, because it runs elsewhere.

/** Expects its settings beside it, see Site in static.ts. */
export const staticServer = String.raw`// Serves the static files of this app.
import { createHash } from 'node:crypto'
import { createReadStream, readFileSync, realpathSync } from 'node:fs'
import { lstat, readFile, realpath, stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import { extname, join, posix, sep } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'

const here = import.meta.dirname
const settings = JSON.parse(readFileSync(join(here, 'static.json'), 'utf8'))
const root = realpathSync(join(here, '..', settings.root))

const types = {
  '.avif': 'image/avif', '.bmp': 'image/bmp', '.css': 'text/css; charset=utf-8', '.csv': 'text/csv; charset=utf-8',
  '.gif': 'image/gif', '.gz': 'application/gzip', '.htm': 'text/html; charset=utf-8',
  '.html': 'text/html; charset=utf-8', '.ico': 'image/x-icon', '.jpeg': 'image/jpeg', '.jpg': 'image/jpeg',
  '.js': 'text/javascript; charset=utf-8', '.json': 'application/json', '.map': 'application/json',
  '.md': 'text/markdown; charset=utf-8', '.mjs': 'text/javascript; charset=utf-8', '.mp3': 'audio/mpeg',
  '.mp4': 'video/mp4', '.ogg': 'audio/ogg', '.otf': 'font/otf', '.pdf': 'application/pdf', '.png': 'image/png',
  '.svg': 'image/svg+xml', '.ttf': 'font/ttf', '.txt': 'text/plain; charset=utf-8', '.wasm': 'application/wasm',
  '.wav': 'audio/wav', '.webm': 'video/webm', '.webmanifest': 'application/manifest+json', '.webp': 'image/webp',
  '.woff': 'font/woff', '.woff2': 'font/woff2', '.xml': 'application/xml', '.zip': 'application/zip',
}

// A file of the site, or null. Nothing outside of the root, not even through a link, and nothing hidden.
async function find(path) {
  const steps = path.split('/')
  if (path.includes('\0') || steps.some((step) => step.startsWith('.') && step !== '.well-known')) return null
  try {
    const file = await realpath(join(root, path))
    if (file !== root && !file.startsWith(root.endsWith(sep) ? root : root + sep)) return null
    const found = await stat(file)
    return { file, size: found.size, isFile: found.isFile(), isFolder: found.isDirectory() }
  } catch {
    return null
  }
}

// By content, because the files of a slug have no times. They never change while this runs.
const tags = new Map()
async function tagOf(file) {
  let tag = tags.get(file)
  if (tag === undefined) {
    const hash = createHash('sha256')
    for await (const chunk of createReadStream(file)) hash.update(chunk)
    tag = '"' + hash.digest('base64url').slice(0, 22) + '"'
    tags.set(file, tag)
  }
  return tag
}

// One range of bytes; null: all of it; undefined: none that exists.
function rangeOf(header, size) {
  const found = /^bytes=(\d*)-(\d*)$/.exec(header ?? '')
  if (!found || (found[1] === '' && found[2] === '')) return null
  const first = found[1] === '' ? Math.max(0, size - Number(found[2])) : Number(found[1])
  const last = found[1] === '' || found[2] === '' ? size - 1 : Math.min(Number(found[2]), size - 1)
  return first <= last ? { start: first, end: last } : undefined
}

const packable = /^(text\/|application\/(json|xml|wasm|manifest\+json)|image\/(svg\+xml|bmp|x-icon)|font\/[ot]tf)/
const packers = {
  br: (data) =>
    promisify(brotliCompress)(data, { params: { [constants.BROTLI_PARAM_QUALITY]: 5, [constants.BROTLI_PARAM_SIZE_HINT]: data.length } }),
  gzip: (data) => promisify(gzip)(data, { level: 6 }),
}
// Smaller ones gain nothing, larger ones would take too long. A site can bring its own: page.html.br, page.html.gz.
const leastPacked = 1024
const mostPacked = 10_000_000
const mostKept = 64_000_000

// Which encodings a client takes, the better first.
function taken(header) {
  const weights = new Map()
  for (const part of (header ?? '').slice(0, 1000).split(',')) {
    const [name, ...rest] = part.trim().toLowerCase().split(/\s*;\s*/)
    const weight = rest.find((one) => one.startsWith('q='))
    weights.set(name, weight === undefined ? 1 : Number(weight.slice(2)))
  }
  return ['br', 'gzip'].filter((name) => (weights.get(name) ?? weights.get('*') ?? 0) > 0)
}

// What was packed, once for each file: one at a time, and only so much is kept.
const packed = new Map()
let kept = 0
let turn = Promise.resolve()
async function pack(file, encoding) {
  const name = encoding + file
  const known = packed.get(name)
  if (known) return known
  const work = turn.then(async () => packers[encoding](await readFile(file)))
  turn = work.catch(() => {})
  packed.set(name, work)
  try {
    kept += (await work).length
  } catch (error) {
    packed.delete(name)
    throw error
  }
  for (const [oldest, data] of packed) {
    if (kept <= mostKept || oldest === name) break
    packed.delete(oldest)
    kept -= (await data).length
  }
  return work
}

// The encoded answer for this client, with a file or the bytes; null: as it is.
async function encoded(request, found, type) {
  if (request.headers.range !== undefined || !packable.test(type)) return null
  const names = taken(request.headers['accept-encoding'])
  for (const encoding of names) {
    const file = found.file + (encoding === 'br' ? '.br' : '.gz')
    const sibling = await lstat(file).catch(() => null)
    if (sibling?.isFile()) return { encoding, file, size: sibling.size }
  }
  if (names.length === 0 || found.size < leastPacked || found.size > mostPacked) return null
  const data = await pack(found.file, names[0])
  return data.length < found.size ? { encoding: names[0], data, size: data.length } : null
}

async function send(request, response, found, status) {
  const headers = {
    'content-type': types[extname(found.file).toLowerCase()] ?? 'application/octet-stream',
    'cache-control': 'no-cache',
    'x-content-type-options': 'nosniff',
  }
  let range = null
  if (packable.test(headers['content-type'])) headers.vary = 'accept-encoding'
  const small = await encoded(request, found, headers['content-type'])
  if (small) headers['content-encoding'] = small.encoding
  if (status === 200) {
    // Another encoding is another text of the same page, and has another tag.
    const tag = small ? (await tagOf(found.file)).replace(/"$/, '-' + small.encoding + '"') : await tagOf(found.file)
    headers.etag = tag
    headers['accept-ranges'] = 'bytes'
    const known = (request.headers['if-none-match'] ?? '').split(',').map((one) => one.trim().replace(/^W\//, ''))
    if (known.includes(tag) || known.includes('*')) return response.writeHead(304, headers).end()
    const condition = request.headers['if-range']
    if (condition === undefined || condition === tag) range = rangeOf(request.headers.range, found.size)
    if (range === undefined)
      return response.writeHead(416, { 'content-range': 'bytes */' + found.size }).end()
    if (range) headers['content-range'] = 'bytes ' + range.start + '-' + range.end + '/' + found.size
  }
  const size = small?.size ?? found.size
  headers['content-length'] = range ? range.end - range.start + 1 : size
  response.writeHead(range ? 206 : status, headers)
  if (request.method === 'HEAD' || size === 0) return response.end()
  if (small?.data) return response.end(small.data)
  createReadStream(small?.file ?? found.file, range ?? {}).on('error', () => response.destroy()).pipe(response)
}

async function answer(request, response) {
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return response.writeHead(405, { allow: 'GET, HEAD' }).end()
  const [raw, ...query] = request.url.split('?')
  let path
  try {
    path = posix.normalize('/' + decodeURIComponent(raw))
  } catch {
    return response.writeHead(400).end()
  }
  const found = await find(path)
  if (found?.isFolder) {
    if (!path.endsWith('/')) {
      // Encoded again, and with exactly one slash in front, so that it cannot lead to another host.
      const location = encodeURI(path).replace(/[?#]/g, encodeURIComponent) + '/'
      return response.writeHead(301, { location: [location, ...query].join('?') }).end()
    }
    const index = await find(path + 'index.html')
    if (index?.isFile) return send(request, response, index, 200)
  } else if (found?.isFile && !path.endsWith('/')) {
    return send(request, response, found, 200)
  }
  const others = [settings.cleanUrls && !path.endsWith('/') ? path + '.html' : null, settings.fallback]
  for (const other of others) {
    const file = other ? await find('/' + other) : null
    if (file?.isFile) return send(request, response, file, 200)
  }
  const page = await find('/' + settings.errorPage)
  if (page?.isFile) return send(request, response, page, 404)
  response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('Not found\n')
}

const server = createServer((request, response) => {
  answer(request, response).catch(() => {
    if (!response.headersSent) response.writeHead(500)
    response.end()
  })
})
server.keepAliveTimeout = 75_000
server.listen(Number(process.env.PORT ?? 5000))
for (const signal of ['SIGTERM', 'SIGINT'])
  process.on(signal, () => {
    server.close(() => process.exit(0))
    // A connection becomes idle when its answer is through; without this it would be waited for.
    setInterval(() => server.closeIdleConnections(), 50)
    setTimeout(() => process.exit(0), 25_000)
  })
`
