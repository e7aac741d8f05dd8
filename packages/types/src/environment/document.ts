// What does docs/settings.md say? It is made of the table that the programs read their settings by.
import { sections } from './index.ts'
import type { Setting } from './kinds.ts'

const head = `# Settings

This page is written by \`node scripts/settings.mjs\` from the table in \`packages/types/src/environment\`, by which the programs read their
environment; a test fails when it is out of date.

Both programs check their settings when they start, and name everything that is wrong at once. An empty variable counts as not set. On one
machine \`npm start\` passes its environment to the controller and to the router; on a cluster the settings stand in
\`packages/install/site/kustomization.yaml\`. Lists have commas between their items. Flags are \`true\` or \`false\` (also yes, on, 1 and no, off, 0).
`

const tail = `## Passed on

- Builds get what their tools need to reach the outside: \`npm_config_*\`, \`PIP_*\`, \`GOPROXY\`, \`GOFLAGS\`, \`GOSUMDB\`, \`GONOSUMDB\`, \`BUNDLE_*\`, the proxies
  \`http_proxy\`, \`https_proxy\` and \`no_proxy\` in both spellings, \`SSL_CERT_FILE\`, \`SSL_CERT_DIR\` and \`NODE_EXTRA_CA_CERTS\`.
- Builds, and apps on one machine, get \`LANG\`, \`LC_ALL\` and \`TZ\`.
- \`KUBECONFIG\` names the cluster of a controller that runs outside of it.
- Settings that an app's config may override: [contract/api.md](contract/api.md) §3.14. Variables of the command line:
  [contract/cli.md](contract/cli.md) §3.3.
`

function range({ minimum, maximum }: { readonly minimum: number; readonly maximum: number }): string {
  return `whole number, ${minimum} to ${maximum}`
}

function typeOf(setting: Setting): string {
  if ('enum' in setting) return setting.enum.map((one) => `\`${one}\``).join(', ')
  if ('minimum' in setting) return range(setting)
  if ('items' in setting) return 'list'
  return setting.type === 'boolean' ? 'flag' : 'text'
}

function defaultOf({ default: usual, usually, unit }: Setting): string {
  if (usually !== undefined) return usually
  if (usual === null || usual === '' || (Array.isArray(usual) && usual.length === 0)) return 'none'
  const value = Array.isArray(usual) ? usual.join(',') : String(usual)
  return unit === undefined ? `\`${value}\`` : `\`${value}\` ${unit}`
}

function rowOf([name, setting]: readonly [string, Setting]): string[] {
  return [`\`${name}\``, typeOf(setting), defaultOf(setting), setting.description, setting.programs.join(', ')]
}

const titles = ['variable', 'value', 'default', 'meaning', 'read by']

/** Columns of one width, as the formatter of the repository has them. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = titles.map((title, at) => Math.max(title.length, ...rows.map((row) => row[at]?.length ?? 0)))
  const line = (cells: readonly string[], fill = ' '): string =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0, fill)).join(' | ')} |`
  return [
    line(titles),
    line(
      titles.map(() => ''),
      '-',
    ),
    ...rows.map((row) => line(row)),
  ]
}

export function settingsDocument(): string {
  const parts = sections.map(({ title, settings }) =>
    [`## ${title}`, '', ...table(Object.entries(settings).map(rowOf)), ''].join('\n'),
  )
  return [head, ...parts, tail].join('\n')
}
