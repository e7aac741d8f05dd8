// How do tests get a CA, and name servers, on this machine? Pebble and its companion stand in for both, and nobody else trusts them.
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { freePort } from './port.ts'
import { until } from './until.ts'

/** Debian's package `pebble`. */
export const hasPebble = spawnSync('pebble', ['-h']).error === undefined

export type Pebble = {
  /** For the controller. */
  readonly settings: Readonly<Record<string, string>>
  /** What clients trust: the root of its certificates, which is another one at each start. */
  root(): Promise<string>
  /** Changes the name servers: `set-default-ipv4 {ip}`, `add-a {host, addresses}`, `set-txt {host, value}`. */
  dns(change: string, body: unknown): Promise<void>
  /** The management address of the name servers, for programs. */
  readonly dnsManagement: string
  /** Where its API is, and the files of the certificate and key that it has itself. */
  readonly api: { readonly port: number; readonly certificate: string; readonly privateKey: string }
  /** Ends the CA, which forgets all accounts and orders, and starts it again. */
  restart(env?: Readonly<Record<string, string>>): Promise<void>
  stop(): Promise<void>
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
}

/** `httpPort`: where it looks for names. */
export async function startPebble(
  folder: string,
  httpPort: number,
  more: {
    readonly eab?: { readonly kid: string; readonly key: string }
    /** How long certificates last; Pebble's own choice is five years. */
    readonly validitySeconds?: number
    /** Another CA with the same name servers, and the same certificate. */
    readonly beside?: Pebble
  } = {},
): Promise<Pebble> {
  const own = join(folder, 'pebble')
  await mkdir(own, { recursive: true })
  const [certificate, privateKey, config] = ['c.pem', 'k.pem', 'config.json'].map((name) => join(own, name)) as [
    string,
    string,
    string,
  ]
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', privateKey]
  const { beside } = more
  if (beside) {
    await copyFile(beside.api.certificate, certificate)
    await copyFile(beside.api.privateKey, privateKey)
  } else
    execFileSync('openssl', ['req', '-x509', ...key, '-out', certificate, '-days', '30', ...names], { stdio: 'ignore' })
  const [api, management, free, dnsManagement] = await Promise.all([freePort(), freePort(), freePort(), freePort()])
  const dns = beside ? Number(beside.settings['DEIS_ACME_RESOLVERS']!.split(':')[1]) : free
  await writeFile(
    config,
    JSON.stringify({
      pebble: {
        listenAddress: `127.0.0.1:${api}`,
        managementListenAddress: `127.0.0.1:${management}`,
        certificate,
        privateKey,
        httpPort,
        tlsPort: await freePort(),
        ocspResponderURL: '',
        ...(more.validitySeconds === undefined ? {} : { certificateValidityPeriod: more.validitySeconds }),
        externalAccountBindingRequired: more.eab !== undefined,
        ...(more.eab ? { externalAccountMACKeys: { [more.eab.kid]: more.eab.key } } : {}),
      },
    }),
  )
  const none = ['-http01', '', '-https01', '', '-tlsalpn01', '', '-defaultIPv6', '']
  const names4 = [
    '-defaultIPv4',
    '127.0.0.1',
    '-dns01',
    `127.0.0.1:${dns}`,
    '-management',
    `127.0.0.1:${dnsManagement}`,
  ]
  const servers = beside ? null : spawn('pebble-challtestsrv', [...names4, ...none], { stdio: 'ignore' })
  const ask = async (port: number, path: string): Promise<string> => {
    const call = request({ host: '127.0.0.1', port, path, ca: readFileSync(certificate), timeout: 5_000, agent: false })
    call.end()
    const [response] = await once(call, 'response')
    return text(response)
  }
  let ca: ChildProcess
  const start = async (env: Readonly<Record<string, string>> = {}): Promise<void> => {
    ca = spawn('pebble', ['-config', config, '-dnsserver', `127.0.0.1:${dns}`], {
      env: { PATH: process.env['PATH'], PEBBLE_VA_NOSLEEP: '1', PEBBLE_AUTHZREUSE: '0', ...env },
      stdio: 'ignore',
    })
    await until({ what: 'the CA answers' }, () => ask(api, '/dir'))
  }
  const pebble: Pebble = {
    settings: {
      NODE_EXTRA_CA_CERTS: certificate,
      DEIS_ACME: 'true',
      DEIS_ACME_DIRECTORY: `https://localhost:${api}/dir`,
      DEIS_ACME_RESOLVERS: `127.0.0.1:${dns}`,
      DEIS_PUBLIC_ADDRESSES: '127.0.0.1,127.0.0.9',
      DEIS_ACME_HTTP_PORT: String(httpPort),
    },
    dnsManagement: beside?.dnsManagement ?? `http://127.0.0.1:${dnsManagement}`,
    api: { port: api, certificate, privateKey },
    root: () => ask(management, '/roots/0'),
    async dns(change, body) {
      const answer = await fetch(`${pebble.dnsManagement}/${change}`, { method: 'POST', body: JSON.stringify(body) })
      if (!answer.ok) throw new Error(`${change}: ${answer.status}`)
    },
    async restart(env) {
      await end(ca)
      await start(env)
    },
    async stop() {
      await end(ca)
      if (servers) await end(servers)
    },
  }
  await start({ PEBBLE_WFE_NONCEREJECT: '50' })
  return pebble
}
