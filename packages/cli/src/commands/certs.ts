// How are certificates managed, and attached to domains?
import { resolve } from 'node:path'
import { Command } from 'commander'
import {
  addCert,
  attachCert,
  type AutoCert,
  DeisError,
  detachCert,
  getCert,
  listAutoCerts,
  listCerts,
  removeCert,
} from '@deis/types'
import type { Context } from '../profile/context.ts'
import { readText } from '../profile/files.ts'
import { limitOf, limitOption, type LimitOption } from '../parse/options.ts'
import { labelled, step } from '../terminal/output.ts'
import { autoCertLines, autoCerts } from './certs/auto.ts'
import { day, expiry } from './certs/dates.ts'
import { tableLines } from './certs/table.ts'

const headings = [
  'Name',
  'Common Name',
  'SubjectAltName',
  'Expires',
  'Fingerprint',
  'Domains',
  'Updated',
  'Created',
] as const

const shortened = (fingerprint: string): string => `${fingerprint.slice(0, 5)}[...]${fingerprint.slice(-5)}`

export function certs(context: Context): Command[] {
  const { io } = context

  async function automaticOnes(options: LimitOption): Promise<readonly AutoCert[]> {
    try {
      return (await context.call(listAutoCerts, { query: { limit: await limitOf(context, options) } })).results
    } catch (error) {
      // Other controllers have none, and the list of one's own is there all the same.
      if (error instanceof DeisError) return []
      throw error
    }
  }

  async function list(options: LimitOption): Promise<void> {
    const page = await context.call(listCerts, { query: { limit: await limitOf(context, options) } })
    const now = new Date(io.now())
    const automatic = await automaticOnes(options)
    const rows = page.results.map((cert) => [
      cert.name,
      cert.common_name ?? '',
      // Other controllers omit empty lists.
      (cert.san ?? []).join(','),
      expiry(cert.expires, now),
      shortened(cert.fingerprint),
      (cert.domains ?? []).join(','),
      day(cert.updated),
      day(cert.created),
    ])
    const own = rows.length === 0 ? ['No certs'] : tableLines(headings, rows)
    const more = automatic.length === 0 ? [] : ['', '=== Automatic Certificates', ...autoCertLines(automatic, now)]
    context.answer(page, [...own, ...more])
  }

  async function add(name: string, certFile: string, keyFile: string): Promise<void> {
    const certificate = await readText(resolve(io.cwd, certFile), certFile)
    const key = await readText(resolve(io.cwd, keyFile), keyFile)
    const body = { certificate, key, name }
    context.answer(await step(io, 'Adding SSL endpoint...', () => context.call(addCert, { body })))
  }

  async function remove(names: string[]): Promise<void> {
    for (const name of names)
      await step(io, `Removing ${name}...`, () => context.call(removeCert, { params: { name } }))
  }

  async function info(name: string): Promise<void> {
    const cert = await context.call(getCert, { params: { name } })
    const rows = labelled(
      [
        ['Common Name(s)', cert.common_name ?? 'N/A'],
        ['Expires At', expiry(cert.expires, new Date(io.now()))],
        ['Starts At', day(cert.starts)],
        ['Fingerprint', cert.fingerprint],
        ['Subject Alt Name', (cert.san ?? []).join(',') || 'N/A'],
        ['Issuer', cert.issuer],
        ['Subject', cert.subject],
      ],
      20,
    )
    const use = labelled(
      [
        ['Connected Domains', (cert.domains ?? []).join(',') || 'No connected domains'],
        ['Owner', cert.owner],
        ['Created', day(cert.created)],
        ['Updated', day(cert.updated)],
      ],
      20,
    )
    context.answer(cert, [`=== ${name} Certificate`, ...rows, '', ...use])
  }

  async function attach(name: string, domain: string): Promise<void> {
    await step(io, `Attaching certificate ${name} to domain ${domain}...`, () =>
      context.call(attachCert, { params: { name }, body: { domain } }),
    )
  }

  async function detach(name: string, domain: string): Promise<void> {
    await step(io, `Detaching certificate ${name} from domain ${domain}...`, () =>
      context.call(detachCert, { params: { name, domain } }),
    )
  }

  const listed = 'name from `deis certs:list`'
  return [
    new Command('certs:list').description('list your certificates').addOption(limitOption()).action(list),
    new Command('certs:add')
      .description('add a certificate and its private key')
      .argument('<name>', 'name of the certificate: a-z, 0-9 and hyphens')
      .argument('<cert-file>', 'path of the certificate, or a chain that begins with it, in PEM format')
      .argument('<key-file>', 'path of the private key, in PEM format')
      .action(add),
    new Command('certs:remove').description('remove certificates').argument('<name...>', listed).action(remove),
    new Command('certs:info').description('show the details of a certificate').argument('<name>', listed).action(info),
    new Command('certs:attach')
      .description('attach a certificate to a domain')
      .argument('<name>', listed)
      .argument('<domain>', 'domain from `deis domains:list`')
      .action(attach),
    new Command('certs:detach')
      .description('detach a certificate from a domain')
      .argument('<name>', listed)
      .argument('<domain>', 'domain from `deis certs:info`')
      .action(detach),
    ...autoCerts(context),
  ]
}
