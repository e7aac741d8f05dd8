// Do the certificates of a cert-manager reach the users of apps behind an Ingress controller? Stand-ins for both are in this file.
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSecureContext } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Checkout, newCheckout } from './app.ts'
import { registered } from './client.ts'
import { type ClusterPlatform, kubectl, objects, startOnCluster, testCluster } from './cluster.ts'
import { askSecurely } from './secure.ts'
import { until } from './until.ts'

const issuer = 'stand-in-ca'
const domain = 'apps.example.com'
const program = "require('http').createServer((q,s)=>s.end('hello')).listen(process.env.PORT)"

type Ingress = {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> }
  readonly spec: {
    readonly ingressClassName?: string
    readonly tls?: readonly { readonly hosts: readonly string[]; readonly secretName: string }[]
    readonly rules: readonly { readonly host: string }[]
  }
}

/** As openssl makes them, in a folder. */
type Ca = { readonly root: string; give(host: string): { readonly certificate: string; readonly key: string } }

async function makeCa(folder: string): Promise<Ca> {
  const file = (name: string): string => join(folder, name)
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { stdio: 'ignore' })
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30']
  openssl('req', '-x509', ...newKey, '-keyout', file('ca.key'), '-out', file('ca.pem'), '-subj', '/CN=stand-in')
  return {
    root: await readFile(file('ca.pem'), 'utf8'),
    give(host) {
      const [key, certificate] = [file(`${host}.key`), file(`${host}.pem`)]
      const by = ['-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-addext', `subjectAltName=DNS:${host}`]
      openssl('req', '-x509', ...newKey, '-keyout', key, '-out', certificate, '-subj', '/CN=x', ...by)
      return { key, certificate }
    },
  }
}

describe
  .skipIf(testCluster === null)
  .sequential('certificates of an Ingress (stand-ins for cert-manager and its controller)', () => {
    let folder: string
    let ca: Ca
    let platform: ClusterPlatform
    let shop: Checkout
    let edge: Server
    let port: number

    const ingress = (): Promise<Ingress> => objects<Ingress>('ingress', shop.app, `--namespace=${shop.app}`)
    /** What cert-manager does for an Ingress with its annotation: a Secret for each entry that has none. */
    const giveCertificates = async (): Promise<void> => {
      const { metadata, spec } = await ingress()
      if (metadata.annotations?.['cert-manager.io/cluster-issuer'] !== issuer) return
      for (const { hosts, secretName } of spec.tls ?? []) {
        const { certificate, key } = ca.give(hosts[0]!)
        const files = [`--cert=${certificate}`, `--key=${key}`]
        await kubectl('create', 'secret', 'tls', secretName, `--namespace=${shop.app}`, ...files)
      }
    }
    const contextOf = async (host: string) => {
      const { spec } = await ingress()
      const found = spec.tls?.find(({ hosts }) => hosts.includes(host))
      if (!found) throw new Error(`the Ingress has no certificate for ${host}`)
      const { data } = await objects<{ data: Record<string, string> }>(
        'secret',
        found.secretName,
        `--namespace=${shop.app}`,
      )
      const part = (name: string): Buffer => Buffer.from(data[name]!, 'base64')
      return createSecureContext({ cert: part('tls.crt'), key: part('tls.key') })
    }

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'deis-issuer-'))
      ca = await makeCa(folder)
      platform = await startOnCluster({
        DEIS_ROUTING: 'ingress',
        DEIS_INGRESS_CLASS: 'stand-in',
        DEIS_INGRESS_ISSUER: issuer,
        DEIS_PLATFORM_DOMAIN: domain,
      })
      shop = await newCheckout(await registered(platform, 'ann'), platform.name('shop'), { file: 'x' })
      await shop.does('create', shop.app)
      await shop.does('config:set', 'PORT=8080')
      await shop.does(
        'pull',
        `${platform.registry}/stack:1`,
        `--procfile=${JSON.stringify({ web: `node -e "${program}"` })}`,
      )
      const service = await objects<{ spec: { clusterIP: string } }>('service', shop.app, `--namespace=${shop.app}`)
      edge = createServer(
        { SNICallback: (host, done) => void contextOf(host).then((found) => done(null, found), done) },
        (asked, answer) => {
          const to = request({
            host: service.spec.clusterIP,
            port: 80,
            path: asked.url,
            headers: asked.headers,
            agent: false,
          })
          to.on('response', (came) => {
            answer.writeHead(came.statusCode ?? 502, came.headers)
            came.pipe(answer)
          })
          to.on('error', () => answer.destroy())
          asked.pipe(to)
        },
      ).listen(0, '127.0.0.1')
      edge.on('tlsClientError', () => {})
      await once(edge, 'listening')
      port = (edge.address() as AddressInfo).port
    })
    afterAll(async () => {
      edge?.close()
      edge?.closeAllConnections()
      await platform?.stop()
      await rm(folder, { recursive: true, force: true })
    })

    test('each host asks the issuer for a Secret of its own, also one that is added later', async () => {
      const host = `${shop.app}.${domain}`
      expect((await ingress()).metadata.annotations).toMatchObject({ 'cert-manager.io/cluster-issuer': issuer })
      expect((await ingress()).spec).toMatchObject({
        ingressClassName: 'stand-in',
        tls: [{ hosts: [host], secretName: `${host}-tls` }],
      })
      await shop.does('domains:add', 'www.example.org')
      const { tls, rules } = (await ingress()).spec
      expect(tls).toContainEqual({ hosts: ['www.example.org'], secretName: 'www.example.org-tls' })
      expect(rules.map((rule) => rule.host).toSorted()).toEqual([host, 'www.example.org'].toSorted())
    })

    test('the app answers over HTTPS with them, and a new release keeps the Secrets', async () => {
      await giveCertificates()
      for (const host of [`${shop.app}.${domain}`, 'www.example.org']) {
        const answer = await until({ what: `${host} answers` }, () => askSecurely(port, host, { ca: ca.root }))
        expect(answer).toMatchObject({ status: 200, body: 'hello', names: `DNS:${host}` })
      }
      await shop.does('config:set', 'GREETING=x')
      expect(await askSecurely(port, 'www.example.org', { ca: ca.root })).toMatchObject({ body: 'hello' })
    })
  })
