// Which certificates are trusted?
import { readFile } from 'node:fs/promises'
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { rootCertificates } from 'node:tls'
import { fileError } from '../profile/files.ts'

/** The trusted certificates of the system; Node does not read them by itself. */
const systemBundles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
]

async function bundleOf(env: Readonly<Record<string, string | undefined>>): Promise<string | null> {
  const named = env['SSL_CERT_FILE']
  if (named) {
    try {
      return await readFile(named, 'utf8')
    } catch (error) {
      throw fileError('open', named, error)
    }
  }
  for (const file of systemBundles) {
    try {
      return await readFile(file, 'utf8')
    } catch {
      // Not on this system. Without any of them, Node's own list is used.
    }
  }
  return null
}

export type Trust = { readonly rejectUnauthorized: false } | { readonly ca: string[] }

/** How the certificate of an https:// controller is verified. */
export async function trustOf(verify: boolean, env: Readonly<Record<string, string | undefined>>): Promise<Trust> {
  if (!verify) return { rejectUnauthorized: false }
  const bundle = await bundleOf(env)
  const extra = env['NODE_EXTRA_CA_CERTS'] ? await readFile(env['NODE_EXTRA_CA_CERTS'], 'utf8').catch(() => null) : null
  return { ca: [...rootCertificates, ...(bundle ? [bundle] : []), ...(extra ? [extra] : [])] }
}

/** As in the original client: no proxy is used for this machine. */
export function isThisMachine(hostname: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)
}

/** Connections are not kept: prompts may take minutes, and the server closes idle connections. */
export async function agentsFor(
  origin: string,
  verify: boolean,
  env: Readonly<Record<string, string | undefined>>,
): Promise<{ httpAgent?: HttpAgent; httpsAgent?: HttpsAgent; proxy?: false }> {
  const { protocol, hostname } = new URL(origin)
  const direct = isThisMachine(hostname) ? { proxy: false as const } : {}
  if (protocol === 'http:') return { httpAgent: new HttpAgent({ keepAlive: false }), ...direct }
  return { httpsAgent: new HttpsAgent({ keepAlive: false, ...(await trustOf(verify, env)) }), ...direct }
}
