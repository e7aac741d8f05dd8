// How much of nginx' rate does the router reach, each on one core, and each on all?
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { flags } from '../flags.mjs'
import { answers } from './deploy.mjs'
import { compareLoad } from './load.mjs'
import { childrenOf, cleanEnv, freePorts, hasProgram, onCore, run, start } from './processes.mjs'

const runs = 3
const seconds = 2
/** V8 compiles what is hot in the first seconds, and a router runs for days. */
const warmSeconds = 5
/** Rates to reach of nginx', processor time and p99 to stay under; what goes from machine to machine all day is small. */
const kinds = [
  { name: 'router, 100 B', path: '/small', connections: 16, least: 0.9, mostCpu: 1.3, mostLate: 2 },
  { name: '64 connections', path: '/small', connections: 64, least: 0.9, mostCpu: 1.3, mostLate: 2 },
  { name: '256 connections', path: '/small', connections: 256, least: 0.9, mostCpu: 1.3, mostLate: 2 },
  { name: '1,000 connections', path: '/small', connections: 1000, least: 0.9, mostCpu: 1.3, mostLate: 2 },
  { name: 'new connections', path: '/small', connections: 16, extra: { Connection: 'close' }, least: 0.6 },
  { name: 'router, 100 kB', path: '/middle', connections: 16, least: 0.6 },
  { name: 'router, 10 MB', path: '/large', connections: 4, least: 0.8 },
]
const sizes = { 'index.html': 1, small: 100, middle: 100_000, large: 10_000_000 }
const nginx = ['/usr/sbin/nginx', '/usr/bin/nginx', '/usr/local/sbin/nginx'].find((path) => existsSync(path))
const host = 'small.localhost'

/** Load generators name the host of the URL in TLS, and look it up. */
const tlsKind = { name: 'TLS, 100 B', path: '/small', connections: 64, least: 0.6 }
const tlsHost = 'localhost'

/** Without `workers` one process that is the master as well. */
function settings(folder, server, workers) {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${join(folder, name)};`)
    .join(' ')
  return `daemon off; master_process ${workers > 0 ? 'on' : 'off'}; worker_processes ${workers || 1}; pid ${join(folder, 'pid')}; error_log stderr warn;
events { worker_connections 4096; }
http { access_log off; keepalive_requests 100000000; ${temporary} ${server} }
`
}

const on = (core, command, args) => (core === null ? [command, args] : onCore(core, command, args))

async function startNginx(scope, core, port, server, workers = 0) {
  const folder = scope.folder()
  mkdirSync(join(folder, 'logs'))
  const file = join(folder, 'nginx.conf')
  writeFileSync(file, settings(folder, server, workers))
  const { child } = await start(scope, ...on(core, nginx, ['-p', folder, '-c', file]), {
    env: cleanEnv(),
    log: join(folder, 'log'),
    until: () => true,
  })
  await answers(scope, port, host)
  return [child.pid, ...childrenOf(child.pid)]
}

/** Files of a certificate that both present. */
async function makeCertificate(scope) {
  const folder = scope.folder()
  const files = { key: join(folder, 'key.pem'), certificate: join(folder, 'certificate.pem') }
  const of = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${tlsHost}`, '-days', '2']
  const args = ['req', '-x509', ...of, '-addext', `subjectAltName=DNS:${tlsHost}`]
  await run(scope, 'openssl', [...args, '-keyout', files.key, '-out', files.certificate])
  return files
}

async function startRouter(scope, dist, upstream, core, workers, tls) {
  const folder = scope.folder()
  const table = join(folder, 'table.json')
  const read = (file) => readFileSync(file, 'utf8')
  const certificates = tls
    ? [{ host: tlsHost, certificate: read(tls.files.certificate), key: read(tls.files.key) }]
    : undefined
  const apps = [{ app: 'small', hosts: ['small', tlsHost], upstreams: [`127.0.0.1:${upstream}`], certificates }]
  // The router serves the table that it kept; nobody listens where it looks for its controller.
  writeFileSync(table, JSON.stringify({ type: 'snapshot', epoch: 'bench', seq: 1, domain: '', apps }))
  const env = {
    ...cleanEnv(),
    DEIS_ROUTER_PORT: '0',
    DEIS_ROUTER_HOST: '127.0.0.1',
    DEIS_CONTROLLER_URL: 'http://127.0.0.1:1',
    DEIS_ROUTER_KEY: 'unused-key-of-the-bench',
    DEIS_ROUTER_TABLE: table,
    DEIS_ROUTER_WORKERS: String(workers),
    DEIS_ROUTER_TLS_PORT: String(tls?.port ?? 0),
  }
  const options = { env, log: join(folder, 'log') }
  const command = on(core, process.execPath, [...flags.router, join(dist, 'router/main.js')])
  const { child, first } = await start(scope, ...command, options)
  await answers(scope, first.listening, host)
  return { pids: [child.pid, ...childrenOf(child.pid)], port: first.listening }
}

/** Files of each size, in the folder that is returned. */
function makeFiles(scope) {
  const folder = scope.folder()
  for (const [name, size] of Object.entries(sizes)) writeFileSync(join(folder, name), randomBytes(size))
  return folder
}

export async function* measure({ dist, scope }) {
  if (!nginx) return yield { name: 'router', missing: 'nginx is not installed' }
  const [upstream, proxy, proxyMany, tlsPort, proxyTls] = await freePorts(5)
  const files = hasProgram('openssl') ? await makeCertificate(scope) : null
  // What is proxied to must never be the slower one.
  await startNginx(
    scope,
    1,
    upstream,
    `sendfile on; open_file_cache max=8; server { listen 127.0.0.1:${upstream}; root ${makeFiles(scope)}; }`,
  )
  const proxyOf = (port, more = '') =>
    `upstream app { server 127.0.0.1:${upstream}; keepalive 256; keepalive_requests 100000000; }
    proxy_max_temp_file_size 0; server { listen 127.0.0.1:${port}; ${more} location / { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; } }`
  const sideOf = (port, pids) => (path, extra) => ({
    url: `http://127.0.0.1:${port}${path}`,
    headers: { Host: host, ...extra },
    pids,
  })
  const tlsSideOf = (port, pids) => (path) => ({ url: `https://${tlsHost}:${port}${path}`, pids })
  const compare = (sides, { path, extra = {}, ...kind }) =>
    compareLoad(
      scope,
      sides.map((side) => side(path, extra)),
      { ...kind, of: 'nginx', runs, seconds, warmSeconds },
    )
  const router = await startRouter(scope, dist, upstream, 0, 1, files && { port: tlsPort, files })
  const withTls =
    files &&
    `listen 127.0.0.1:${proxyTls} ssl; ssl_certificate ${files.certificate}; ssl_certificate_key ${files.key}; ssl_protocols TLSv1.2 TLSv1.3;`
  const nginxAlone = await startNginx(scope, 0, proxy, proxyOf(proxy, withTls ?? ''))
  const alone = [sideOf(router.port, router.pids), sideOf(proxy, nginxAlone)]
  for (const kind of kinds) yield* await compare(alone, kind)
  if (files === null) yield { name: tlsKind.name, missing: 'openssl is not installed' }
  else yield* await compare([tlsSideOf(tlsPort, router.pids), tlsSideOf(proxyTls, nginxAlone)], tlsKind)

  const workers = Math.max(2, availableParallelism())
  const many = await startRouter(scope, dist, upstream, null, workers)
  const nginxPids = await startNginx(scope, null, proxyMany, proxyOf(proxyMany), workers)
  const all = [sideOf(many.port, many.pids), sideOf(proxyMany, nginxPids)]
  yield* await compare(all, { name: `${workers} workers`, path: '/small', connections: 64, least: 0.7 })
}
