// Do domains, certificates, TLS, whitelist, maintenance, routing and labels say and do what docs/contract/cli.md §2.5 to §2.18 say?
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { AppSettings, Certificate, getTls, listCerts, listDomains, Whitelist } from '@deis/types'
import { expect } from 'vitest'
import { certificateFor, type Pair } from '@deis/router/testing-tls'
import { objects } from '../cluster.ts'
import { ask } from '../http.ts'
import { error, failed } from './says.ts'
import { checkShape } from './shapes.ts'
import type { Actor, Scenario, World } from './world.ts'

async function status({ platform }: World, host: string): Promise<number> {
  return (await ask(platform, host, { headers: { host } })).status
}

async function domains(world: World): Promise<void> {
  const { deis, json, app } = await world.deployed('named')
  const own = `${world.name('named')}.example.com`
  const added = (domain: string) => [`Adding ${domain} to ${app}... done`]
  const removed = (domain: string) => [`Removing ${domain} from ${app}... done`]
  const refused = (domain: string, message: string) => failed(`Adding ${domain} to ${app}...`, message)
  await deis('domains', [`=== ${app} Domains`, app])
  expect(await status(world, `www.${own}`)).toBe(404)
  await deis(`domains:add www.${own}`, added(`www.${own}`))
  expect(await status(world, `www.${own}`)).toBe(200)
  await deis(`domains:add *.${own}`, added(`*.${own}`))
  expect(await status(world, `any.${own}`)).toBe(200)
  await deis(`domains:add bücher.${own}`, added(`bücher.${own}`))
  await deis('domains:list', [`=== ${app} Domains`, `*.${own}`, app, `www.${own}`, `xn--bcher-kva.${own}`])
  await deis('domains -l 1', [`=== ${app} Domains (1 of 4)`, `*.${own}`])
  expect(await json('domains', listDomains.response)).toMatchObject({ count: 4 })
  await deis(
    `domains:add www.${own}`,
    refused(`www.${own}`, `domain: The domain "www.${own}" already belongs to "${app}".`),
  )
  await deis('domains:add *', refused('*', "domain: Hostname can't only be a wildcard"))
  await deis('domains:add a.b.1', refused('a.b.1', 'Hostname does not look valid.'))
  await deis(`domains:remove *.${own}`, removed(`*.${own}`))
  expect(await status(world, `any.${own}`)).toBe(404)
  await deis(`domains:remove bücher.${own}`, removed(`bücher.${own}`))
  await deis(`domains:remove www.${own}`, removed(`www.${own}`))
  await deis(
    `domains:remove www.${own}`,
    failed(`Removing www.${own} from ${app}...`, '"No Domain matches the given query."'),
  )
  expect(await status(world, `www.${own}`)).toBe(404)
}

/** What a client gets that trusts nothing but this certificate. */
async function securely({ tlsPort }: World, name: string, { certificate }: Pair): Promise<number | string> {
  const headers = { host: name }
  const call = request({ port: tlsPort, host: '127.0.0.1', servername: name, ca: certificate, headers, agent: false })
  call.setTimeout(10_000, () => call.destroy(new Error('no answer')))
  call.end()
  try {
    const [response] = await once(call, 'response')
    await text(response)
    return response.statusCode
  } catch (thrown) {
    return (thrown as Error).message
  }
}

async function save({ person }: Actor, name: string, { certificate, key }: Pair): Promise<void> {
  await writeFile(join(person.home, `${name}.crt`), certificate)
  await writeFile(join(person.home, `${name}.key`), key, { mode: 0o600 })
}

function centred(word: string, width: number): string {
  return word.padStart(Math.floor((width + word.length) / 2)).padEnd(width)
}

async function certificates(world: World): Promise<void> {
  // Certificates are everybody's own; this person may use the app.
  const actor = await world.newActor('cert')
  const { deis: here, json: hereJson, app } = await world.deployed('secure')
  const { deis, json } = actor
  await here('perms:create cert', [`Adding cert to ${app} collaborators... done`])
  const [domain, name, other] = [`${world.name('secure')}.example.org`, world.name('shop'), world.name('other')]
  const pair = certificateFor(domain)
  await save(actor, 'shop', pair)
  await save(actor, 'other', certificateFor('other.example.org'))
  await deis('certs', ['No certs'])
  await deis('certs:add x no.crt no.key', error('open no.crt: no such file or directory'))
  await deis(`certs:add ${name} shop.crt shop.key`, ['Adding SSL endpoint... done'])
  const { results } = await json<{ results: Certificate[] }>('certs', listCerts.response)
  const [{ created, fingerprint } = { created: '', fingerprint: '' }] = results
  const date = new Date(created)
  const month = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')[date.getUTCMonth()]
  const today = `${date.getUTCDate()} ${month} ${date.getUTCFullYear()}`
  const expires = `31 Dec 2049 (in ${2049 - date.getUTCFullYear()} years)`
  const row = [
    name,
    domain,
    domain,
    expires,
    `${fingerprint.slice(0, 5)}[...]${fingerprint.slice(-5)}`,
    '',
    today,
    today,
  ]
  const headings = ['Name', 'Common Name', 'SubjectAltName', 'Expires', 'Fingerprint', 'Domains', 'Updated', 'Created']
  const widths = headings.map((heading, at) => Math.max(heading.length, row[at]?.length ?? 0))
  const drawn = (cells: readonly string[]): string => `  ${cells.join(' | ')}`.trimEnd()
  const ruler = `+${widths.map((width) => '-'.repeat(width + 2)).join('+')}+`
  await deis('certs:list', [
    drawn(headings.map((heading, at) => centred(heading, widths[at] ?? 0))),
    ruler,
    drawn(row.map((cell, at) => cell.padEnd(widths[at] ?? 0))),
  ])
  const info = (connected: string): string[] => [
    `=== ${name} Certificate`,
    `Common Name(s):     ${domain}`,
    `Expires At:         ${expires}`,
    'Starts At:          1 Jan 2020',
    `Fingerprint:        ${fingerprint}`,
    `Subject Alt Name:   ${domain}`,
    `Issuer:             /CN=${domain}`,
    `Subject:            /CN=${domain}`,
    '',
    `Connected Domains:  ${connected}`,
    'Owner:              cert',
    `Created:            ${today}`,
    'Updated:            {today}',
  ]
  await deis(`certs:info ${name}`, info('No connected domains'))
  await json(`certs:info ${name}`, Certificate)
  await save(actor, 'spare', certificateFor('spare.example.org'))
  await json(`certs:add ${world.name('spare')} spare.crt spare.key`, Certificate, {
    stderr: ['Adding SSL endpoint... done'],
  })
  const taking = `Adding SSL endpoint...`
  await deis(`certs:add ${name} shop.crt shop.key`, failed(taking, 'name: certificate with this name already exists.'))
  await deis(
    'certs:add Bad_Name shop.crt shop.key',
    failed(taking, 'Name can only contain a-z (lowercase), 0-9 and hyphens'),
  )
  await deis(`certs:add ${other} shop.key shop.key`, failed(taking, 'Could not load certificate'))
  await deis(`certs:add ${other} shop.crt other.key`, failed(taking, 'Certificate and private key do not match!'))

  const attaching = `Attaching certificate ${name} to domain ${domain}...`
  const detaching = `Detaching certificate ${name} from domain ${domain}...`
  await deis(`certs:attach ${name} ${domain}`, failed(attaching, '"No Domain matches the given query."'))
  await here(`domains:add ${domain}`, [`Adding ${domain} to ${app}... done`])
  expect(await securely(world, domain, pair)).toMatch(/handshake failure/)
  await deis(`certs:attach ${name} ${domain}`, [`${attaching} done`])
  expect(await securely(world, domain, pair)).toBe(200)
  await deis(`certs:attach ${name} ${domain}`, failed(attaching, 'Domain already has a certificate attached to it'))
  await deis(`certs:info ${name}`, info(domain))

  await here('tls', [`=== ${app} TLS`, 'HTTPS Enforced: not set'])
  await here('tls:enable', [`Enabling https-only requests for ${app}... done`])
  await here('tls:info', [`=== ${app} TLS`, 'HTTPS Enforced: true'])
  const redirect = await ask(world.platform, domain, { headers: { host: domain }, path: '/a?b=c' })
  expect(redirect).toMatchObject({ status: 301, location: `https://${domain}:${world.tlsPort}/a?b=c` })
  await here('tls:enable', failed(`Enabling https-only requests for ${app}...`, 'owner changed nothing'))
  await here('tls:disable', [`Disabling https-only requests for ${app}... done`])
  expect(await hereJson('tls', getTls.response)).toMatchObject({ app, https_enforced: false })
  expect(await status(world, domain)).toBe(200)

  await deis(`certs:detach ${name} ${domain}`, [`${detaching} done`])
  expect(await securely(world, domain, pair)).toMatch(/handshake failure/)
  await deis(`certs:detach ${name} ${domain}`, failed(detaching, '"No Domain matches the given query."'))
  await deis(`certs:remove ${name}`, [`Removing ${name}... done`])
  await deis(`certs:remove ${name}`, failed(`Removing ${name}...`, '"No Certificate matches the given query."'))
  await deis(`certs:info ${name}`, error('"No Certificate matches the given query."'))
}

async function access(world: World): Promise<void> {
  const { deis, json, app } = await world.deployed('edge')
  const here = `${app}.localhost`
  const list = `=== ${app} Whitelisted Addresses`
  const adding = (addresses: string) => `Adding ${addresses} to the whitelist of ${app}...`
  const removing = (addresses: string) => `Removing ${addresses} from the whitelist of ${app}...`
  await deis('whitelist', [list])
  expect(await status(world, here)).toBe(200)
  await deis('whitelist:add 192.0.2.0/24,2001:db8::/32', [adding('192.0.2.0/24,2001:db8::/32'), 'done'])
  expect(await status(world, here)).toBe(403)
  await deis('whitelist:add 127.0.0.1', [adding('127.0.0.1'), 'done'])
  expect(await status(world, here)).toBe(200)
  await deis('whitelist:list', [list, '192.0.2.0/24', '2001:db8::/32', '127.0.0.1'])
  expect(await json('whitelist', Whitelist)).toEqual({ addresses: ['192.0.2.0/24', '2001:db8::/32', '127.0.0.1'] })
  await deis('whitelist:add 300.1.1.1', {
    ...error('The address 300.1.1.1 is not valid'),
    stdout: [adding('300.1.1.1')],
  })
  await deis('whitelist:add ,', error('No address given.', 'Addresses look like 10.0.0.0/8,2001:db8::1.'))
  await deis('whitelist:add 127.0.0.1', { ...error('owner changed nothing'), stdout: [adding('127.0.0.1')] })
  await deis('whitelist:remove 127.0.0.1,192.0.2.0/24,2001:db8::/32', [
    removing('127.0.0.1,192.0.2.0/24,2001:db8::/32'),
    'done',
  ])
  await deis('whitelist:remove 127.0.0.1', {
    ...error("Unable to process your request: addresses {'127.0.0.1'} does not exist in whitelist"),
    stdout: [removing('127.0.0.1')],
  })
  expect(await status(world, here)).toBe(200)

  await deis('maintenance', ['Maintenance mode is off.'])
  await deis('maintenance:on', [`Enabling maintenance mode for ${app}... done`])
  await deis('maintenance:info', ['Maintenance mode is on.'])
  expect(await json('maintenance', null)).toEqual({ maintenance: true })
  expect((await ask(world.platform, app)).body).toContain('<title>Site Maintenance</title>')
  await deis('maintenance:on', failed(`Enabling maintenance mode for ${app}...`, 'owner changed nothing'))
  await onService(world, app, { 'router.deis.io/maintenance': 'True' })
  await deis('maintenance:off', [`Disabling maintenance mode for ${app}... done`])
  expect(await status(world, here)).toBe(200)

  await deis('routing', ['Routing is enabled.'])
  await deis('routing:disable', [`Disabling routing for ${app}... done`])
  await deis('routing:info', ['Routing is disabled.'])
  expect(await json('routing', null)).toEqual({ routable: false })
  expect(await status(world, here)).toBe(404)
  await onService(world, app, { 'router.deis.io/routable': 'false', 'router.deis.io/maintenance': 'False' })
  await deis('routing:enable', [`Enabling routing for ${app}... done`])
  expect(await status(world, here)).toBe(200)
  await onService(world, app, { 'router.deis.io/routable': 'true' })
}

/** On the cluster the app's Service carries it too, for routers of others. */
async function onService({ cluster }: World, app: string, expected: Record<string, string>): Promise<void> {
  if (cluster === null) return
  type Service = { metadata: { labels: Record<string, string>; annotations: Record<string, string> } }
  const { metadata } = await objects<Service>('service', app, `--namespace=${app}`)
  expect({ ...metadata.labels, ...metadata.annotations }).toMatchObject(expected)
}

async function labels(world: World): Promise<void> {
  const { app, deis, json } = await world.newApp('labelled')
  const applying = `Applying labels on ${app}...`
  await deis('labels', [`=== ${app} Label`, 'No labels found.'])
  await deis('labels:set team=frontend importance=high', [`${applying} done`])
  await deis('labels:list', [`=== ${app} Label`, 'importance:      high', 'team:            frontend'])
  expect(await json('labels', null)).toEqual({ team: 'frontend', importance: 'high' })
  for (const word of ['team', 'a=b=c'])
    await deis(`labels:set ${word}`, error(`${word} is invalid`, 'It must look like team=frontend.'))
  await deis('labels:unset importance', [`Removing labels on ${app}... done`])
  await deis(
    'labels:unset importance',
    failed(`Removing labels on ${app}...`, 'Unable to process your request: importance does not exist under label'),
  )
  await deis('labels', [`=== ${app} Label`, 'team:      frontend'])
  const { app: found, settings } = await json<{ app: { id: string }; settings: AppSettings }>('info', null)
  checkShape(AppSettings, settings, 'settings')
  expect([found.id, settings.label]).toEqual([app, { team: 'frontend' }])
}

export const scenarios: readonly Scenario[] = [
  { name: 'domains', run: domains },
  { name: 'certificates and enforced TLS', run: certificates },
  { name: 'whitelist, maintenance and routing', run: access },
  { name: 'labels', run: labels },
]
