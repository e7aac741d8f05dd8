// Where do tests fetch submodules from? A server of git over https on this machine, with an authority of its own: a stand-in for
// the hosts on the internet. Its certificates are valid for a hundred years and secure nothing.
import { spawn } from 'node:child_process'
import { createServer, type Server } from 'node:https'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Signed `leaf`. */
export const testAuthority = `-----BEGIN CERTIFICATE-----
MIIBpDCCAUmgAwIBAgIUQ1EGj0uQpSHBUjxgsY900Xee7WMwCgYIKoZIzj0EAwIw
JjEkMCIGA1UEAwwbRGVpcyB0ZXN0cywgc2VjdXJlcyBub3RoaW5nMCAXDTI2MTEy
ODEzMDY0MloYDzIxMjYxMTA0MTMwNjQyWjAmMSQwIgYDVQQDDBtEZWlzIHRlc3Rz
LCBzZWN1cmVzIG5vdGhpbmcwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAR+Xwzn
7LmAStXzWxbfZaTcozSc8snaKldWmH6khWYMV56Ci+Z8yJNzE267r9iDlat+/XJL
1R6/BjTRlUYK6eFQo1MwUTAdBgNVHQ4EFgQUVC42vitbYmqUmxlmzD3JVNFhnLow
HwYDVR0jBBgwFoAUVC42vitbYmqUmxlmzD3JVNFhnLowDwYDVR0TAQH/BAUwAwEB
/zAKBggqhkjOPQQDAgNJADBGAiEAlf/JQE6P7jSs8riAY0mFaEMCwUAHQ5HrRHA0
GL/27Q8CIQCphMr2vPCHqv20upndSl51ILG0KoGVJMDIGDfbmW5QLQ==
-----END CERTIFICATE-----
`

/** Of localhost and 127.0.0.1. */
const leaf = `-----BEGIN CERTIFICATE-----
MIIBpjCCAU2gAwIBAgIUPFyBtUClhke4YZgskgfjykYJBE4wCgYIKoZIzj0EAwIw
JjEkMCIGA1UEAwwbRGVpcyB0ZXN0cywgc2VjdXJlcyBub3RoaW5nMCAXDTI2MTEy
ODEzMDY0MloYDzIxMjYxMTA0MTMwNjQyWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3Qw
WTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARviAza1Hs+Y+32QM5MCS4HIqdpnu3d
CXsmdopI2+Lu5GO8hkVgSn+XvjUAdyVQS+GzklDTVG730AGVjTgnd8WOo2kwZzAa
BgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCQYDVR0TBAIwADAdBgNVHQ4EFgQU
7X+Dxx2xHVgIjgUS7VesLYBN33AwHwYDVR0jBBgwFoAUVC42vitbYmqUmxlmzD3J
VNFhnLowCgYIKoZIzj0EAwIDRwAwRAIgFn7Ts6V3d62hQTU7uRKgmtguyJcFm4LY
Gq+htRRMqvwCIFnPUPS2NpwNIMlZp/TpcLS4NEFMkNI8ce9xBUa48jg7
-----END CERTIFICATE-----
`

const leafKey = `-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIEdBqXvShkCi9LBDSMaH0qu4P8ohMoOUjEu28XisfOEyoAoGCCqGSM49
AwEHoUQDQgAEb4gM2tR7PmPt9kDOTAkuByKnaZ7t3Ql7JnaKSNvi7uRjvIZFYEp/
l741AHclUEvhs5JQ01Ru99ABlY04J3fFjg==
-----END EC PRIVATE KEY-----
`

export type Host = {
  /** `127.0.0.1:port` */
  readonly name: string
  readonly port: number
  /** Paths that were asked for. */
  readonly asked: string[]
  /** Headers of credentials that came. */
  readonly credentials: string[]
  /** Answers instead of git; returns whether it did. */
  instead: (request: IncomingMessage, response: ServerResponse) => boolean
  close(): Promise<void>
}

/** What `git http-backend` says, as an answer of HTTP. */
function answer(folder: string, request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '', 'https://localhost')
  const child = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env['PATH'],
      GIT_PROJECT_ROOT: folder,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'safe.directory',
      GIT_CONFIG_VALUE_0: '*',
      REQUEST_METHOD: request.method,
      PATH_INFO: url.pathname,
      QUERY_STRING: url.search.slice(1),
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
    },
  })
  child.stdin.on('error', () => {})
  request.pipe(child.stdin)
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  child.on('close', () => {
    const all = Buffer.concat(chunks)
    const end = all.indexOf('\r\n\r\n')
    const headers = all
      .toString('latin1', 0, end)
      .split('\r\n')
      .map((line) => line.split(': ', 2) as [string, string])
    const status = headers.find(([name]) => name === 'Status')?.[1] ?? '200'
    response.writeHead(Number(status.slice(0, 3)), Object.fromEntries(headers.filter(([name]) => name !== 'Status')))
    response.end(all.subarray(end + 4))
  })
}

/** Serves the repositories of a folder. */
export async function startHost(folder: string): Promise<Host> {
  const asked: string[] = []
  const credentials: string[] = []
  const server: Server = createServer({ cert: leaf, key: leafKey }, (request, response) => {
    asked.push(request.url ?? '')
    if (request.headers.authorization !== undefined) credentials.push(request.headers.authorization)
    if (!host.instead(request, response)) answer(folder, request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const host: Host = {
    name: `127.0.0.1:${port}`,
    port,
    asked,
    credentials,
    instead: () => false,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return host
}
