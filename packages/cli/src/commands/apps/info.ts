// What does `apps:info` show, and which address does `apps:open` open?
import { DeisError, getApp, getSettings, listDomains, listPods } from '@deis/types'
import { openInBrowser } from '../../terminal/browser.ts'
import { appAddress, originOf } from '../../parse/address.ts'
import type { Context } from '../../profile/context.ts'
import { limitOf } from '../../parse/options.ts'
import { countSuffix, labelled } from '../../terminal/output.ts'
import { labelLines } from '../labels.ts'
import { processLines } from '../ps.ts'

async function addressOf(context: Context, domain: string): Promise<string> {
  const { controller } = await context.profile()
  return domain.includes('.') ? domain : appAddress(domain, await context.platform(), controller)
}

export async function info(context: Context, id: string): Promise<void> {
  const params = { id }
  const limit = await limitOf(context, {})
  const app = await context.call(getApp, { params })
  const [pods, domains, settings] = await Promise.all([
    context.call(listPods, { params, query: { limit } }),
    context.call(listDomains, { params, query: { limit } }),
    context.call(getSettings, { params }),
  ])
  const [first] = domains.results
  const address = first ? await addressOf(context, first.domain) : null
  const rows = [
    ['updated', app.updated],
    ['uuid', app.uuid],
    ['created', app.created],
    ['url', address ?? 'no domain assigned'],
    ['owner', app.owner],
    ['id', app.id],
  ] as const
  const sections = [
    [`=== ${id} Application`, ...labelled(rows, 10)],
    processLines(id, pods.results),
    [`=== ${id} Domains${countSuffix(domains)}`, ...domains.results.map(({ domain }) => domain)],
    labelLines(id, settings.label),
  ]
  const answer = { app, address, pods: pods.results, domains: domains.results, settings }
  context.answer(
    answer,
    sections.flatMap((section) => [...section, '']),
  )
}

/** Only the address of a host is opened: the domain comes from the controller and is passed on a command line. */
function checkedUrl(address: string): string {
  const text = /^https?:\/\//.test(address) ? address : `http://${address}`
  if (!URL.canParse(text) || !/^https?:\/\/[\w.:*-]+$/.test(text))
    throw new DeisError('internal', `${JSON.stringify(address)} is not an address that a browser can open.`)
  return text
}

/** @throws DeisError when there is no browser, as over SSH; the address has been printed then, too. */
async function show(context: Context, url: string): Promise<void> {
  context.answer({ url }, [url])
  const trouble = await openInBrowser(context.io, url)
  if (trouble === null) return
  throw new DeisError('usage', `No browser was opened: ${trouble}.`, {
    hint: `Open ${url} by hand, here or on another machine.`,
  })
}

/** The page of the platform itself. */
export async function openPlatform(context: Context): Promise<void> {
  await show(context, `${originOf((await context.profile()).controller)}/`)
}

export async function open(context: Context, id: string): Promise<void> {
  const { results } = await context.call(listDomains, { params: { id }, query: { limit: '1' } })
  const [first] = results
  if (!first)
    throw new DeisError('not_found', `"${id}" has no domain, so there is nothing to open.`, {
      hint: `Add one with \`deis domains:add <domain> -a ${id}\`.`,
    })
  await show(context, checkedUrl(await addressOf(context, first.domain)))
}
