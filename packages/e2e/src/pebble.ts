// How do tests get a CA, and name servers, on this machine? Pebble and its companion stand in for both, and nobody else trusts them.
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { freePort } from './port.ts'
import type { Wire } from './systemd-machine.ts'
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
  /** Ends the CA, which forgets all accounts and orders, and starts it again. `validitySeconds`: how long certificates last from now on. */
  restart(env?: Readonly<Record<string, string>>, validitySeconds?: number): Promise<void>
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
    /** For a controller on another machine. */
    readonly wire?: Wire
  } = {},
): Promise<Pebble> {
  const own = join(folder, 'pebble')
  await mkdir(own, { recursive: true })
  const [certificate, privateKey, config] = ['c.pem', 'k.pem', 'config.json'].map((name) => join(own, name)) as [
    string,
    string,
    string,
  ]
  const { address = '127.0.0.1', hostAddress = '127.0.0.1' } = more.wire ?? {}
  const subjects = `DNS:localhost,IP:127.0.0.1,IP:${hostAddress}`
  const names = ['-subj', '/CN=localhost', '-addext', `subjectAltName=${subjects}`]
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', privateKey]
  const { beside } = more
  if (beside) {
    await copyFile(beside.api.certificate, certificate)
    await copyFile(beside.api.privateKey, privateKey)
  } else
    execFileSync('openssl', ['req', '-x509', ...key, '-out', certificate, '-days', '30', ...names], { stdio: 'ignore' })
  const [api, management, free, dnsManagement] = await Promise.all([freePort(), freePort(), freePort(), freePort()])
  const dns = beside ? Number(beside.settings['DEIS_ACME_RESOLVERS']!.split(':')[1]) : free
  const tlsPort = await freePort()
  const configure = (validitySeconds = more.validitySeconds): Promise<void> =>
    writeFile(
      config,
      JSON.stringify({
        pebble: {
          listenAddress: `${hostAddress}:${api}`,
          managementListenAddress: `127.0.0.1:${management}`,
          certificate,
          privateKey,
          httpPort,
          tlsPort,
          ocspResponderURL: '',
          ...(validitySeconds === undefined ? {} : { certificateValidityPeriod: validitySeconds }),
          externalAccountBindingRequired: more.eab !== undefined,
          ...(more.eab ? { externalAccountMACKeys: { [more.eab.kid]: more.eab.key } } : {}),
        },
      }),
    )
  await configure()
  const none = ['-http01', '', '-https01', '', '-tlsalpn01', '', '-defaultIPv6', '']
  const names4 = [
    '-defaultIPv4',
    address,
    '-dns01',
    `${hostAddress}:${dns}`,
    '-management',
    `127.0.0.1:${dnsManagement}`,
  ]
  const servers = beside ? null : spawn('pebble-challtestsrv', [...names4, ...none], { stdio: 'ignore' })
  const ask = async (host: string, port: number, path: string): Promise<string> => {
    const call = request({ host, port, path, ca: readFileSync(certificate), timeout: 5_000, agent: false })
    call.end()
    const [response] = await once(call, 'response')
    return text(response)
  }
  let ca: ChildProcess
  const start = async (env: Readonly<Record<string, string>> = {}): Promise<void> => {
    ca = spawn('pebble', ['-config', config, '-dnsserver', `${hostAddress}:${dns}`], {
      env: { PATH: process.env['PATH'], PEBBLE_VA_NOSLEEP: '1', PEBBLE_AUTHZREUSE: '0', ...env },
      stdio: 'ignore',
    })
    await until({ what: 'the CA answers' }, () => ask(hostAddress, api, '/dir'))
  }
  const pebble: Pebble = {
    settings: {
      NODE_EXTRA_CA_CERTS: certificate,
      DEIS_ACME: 'true',
      DEIS_ACME_DIRECTORY: `https://${more.wire ? hostAddress : 'localhost'}:${api}/dir`,
      DEIS_ACME_RESOLVERS: `${hostAddress}:${dns}`,
      DEIS_PUBLIC_ADDRESSES: `${address},127.0.0.9`,
      DEIS_ACME_HTTP_PORT: String(httpPort),
    },
    dnsManagement: beside?.dnsManagement ?? `http://127.0.0.1:${dnsManagement}`,
    api: { port: api, certificate, privateKey },
    root: () => ask('127.0.0.1', management, '/roots/0'),
    async dns(change, body) {
      const answer = await fetch(`${pebble.dnsManagement}/${change}`, { method: 'POST', body: JSON.stringify(body) })
      if (!answer.ok) throw new Error(`${change}: ${answer.status}`)
    },
    async restart(env, validitySeconds) {
      await end(ca)
      await configure(validitySeconds)
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
