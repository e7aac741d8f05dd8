// Which certificates of a controller are trusted?
import { readFile } from 'node:fs/promises'
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { rootCertificates } from 'node:tls'
import { fileError } from '../profile/files.ts'

/** Where systems keep the certificates they trust; Node reads none of them by itself. */
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
      // Not this system's place; Node's own list is left.
    }
  }
  return null
}

export type Trust = { readonly rejectUnauthorized: false } | { readonly ca: string[] }

/** How the certificate of a https:// controller is checked. */
export async function trustOf(verify: boolean, env: Readonly<Record<string, string | undefined>>): Promise<Trust> {
  if (!verify) return { rejectUnauthorized: false }
  const bundle = await bundleOf(env)
  const extra = env['NODE_EXTRA_CA_CERTS'] ? await readFile(env['NODE_EXTRA_CA_CERTS'], 'utf8').catch(() => null) : null
  return { ca: [...rootCertificates, ...(bundle ? [bundle] : []), ...(extra ? [extra] : [])] }
}

/** As the original: what runs on this machine is never asked for through a proxy. */
export function isThisMachine(hostname: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)
}

/** Connections are not kept: a person may think for minutes between two requests, and the server closes idle ones. */
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
