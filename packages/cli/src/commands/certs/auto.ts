// How are certificates shown and controlled that the platform gets by itself?
import { Argument, Command } from 'commander'
import { type AutoCert, getAutoCerts, retryAutoCert, setAutoCerts } from '@deis/types'
import type { Context } from '../../profile/context.ts'
import { type AppOption, appOption } from '../../parse/options.ts'
import { print, step } from '../../terminal/output.ts'
import { day, expiry } from './dates.ts'
import { tableLines } from './table.ts'

const headings = ['Domain', 'State', 'Issuer', 'Expires', 'Next'] as const

/** `/C=US/O=Let's Encrypt/CN=R3` → `Let's Encrypt R3` */
function issuerName(issuer: string | null): string {
  const parts = (issuer ?? '').split('/')
  return ['O=', 'CN=']
    .map((name) => parts.find((part) => part.startsWith(name))?.slice(name.length) ?? '')
    .filter((part) => part !== '')
    .join(' ')
}

/** A renewal that fails takes nothing away, for now. */
function serving(expires: string | null, now: Date): string[] {
  if (expires === null) return []
  const words = new Date(expires).getTime() > now.getTime() ? 'serves until it expires' : 'has expired'
  return [`      Its certificate ${words}: ${expires}`]
}

/** A table, and what is wrong with each name, which does not fit into it. */
export function autoCertLines(certs: readonly AutoCert[], now: Date): string[] {
  const rows = certs.map(({ host, state, issuer, expires, next }) => [
    host,
    state,
    issuerName(issuer),
    expires === null ? '' : expiry(expires, now),
    `${state === 'issued' ? 'renewal' : 'try'} ${day(next)}`,
  ])
  const errors = certs.flatMap(({ host, error, next, attempts, state, expires }) =>
    error === null || state === 'issued'
      ? []
      : [
          ` !    ${host}: ${error.detail}`,
          ...serving(expires, now),
          `      ${attempts === 1 ? '1 try' : `${attempts} tries`}; the next one: ${next}`,
        ],
  )
  return [...tableLines(headings, rows), ...errors]
}

export function autoCerts(context: Context): Command[] {
  const { io } = context

  async function turn(state: 'on' | 'off' | undefined, { app }: AppOption): Promise<void> {
    const id = await context.app(app)
    const params = { id }
    if (state === undefined) {
      const found = await context.call(getAutoCerts, { params })
      const title = `=== ${id} Automatic Certificates: ${found.enabled ? 'on' : 'off'}`
      const lines = autoCertLines(found.results, new Date(io.now()))
      return context.answer(found, [title, ...(found.results.length === 0 ? ['No names yet.'] : lines)])
    }
    const title = `Turning automatic certificates of ${id} ${state}...`
    const body = { enabled: state === 'on' }
    context.answer(await step(io, title, () => context.call(setAutoCerts, { params, body })))
  }

  async function retry(domain: string): Promise<void> {
    await step(io, `Trying ${domain} again...`, () => context.call(retryAutoCert, { body: { domain } }))
    print(io, 'See how it goes with `deis certs:auto`.')
  }

  return [
    new Command('certs:auto')
      .description('show the certificates that the platform gets for an app, or turn that on or off')
      .addArgument(new Argument('[state]', 'on or off; without it they are shown').choices(['on', 'off']))
      .addOption(appOption())
      .action(turn),
    new Command('certs:auto:retry')
      .description('try again now to get the certificate of a domain')
      .argument('<domain>', 'domain from `deis certs:auto`')
      .action(retry),
  ]
}
