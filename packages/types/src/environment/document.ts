// What does docs/settings.md say? It is written from the table that the programs use.
import { sections } from './index.ts'
import type { Setting } from './kinds.ts'

const head = `# Settings

This page is written by \`node scripts/settings.mjs\` from the table in \`packages/types/src/environment\`, which the programs use to read their
environment; a test fails when it is out of date.

Both programs check their settings at the start, and report all invalid ones at once. An empty variable counts as not set. On one machine,
\`npm start\` passes its environment to the controller and the router; on a cluster, the settings are in
\`packages/install/site/kustomization.yaml\`. The items of a list are separated by commas. A flag is \`true\` or \`false\` (or yes, on, 1 and no, off, 0).
`

const tail = `## Passed on to builds and apps

- Builds get the variables that their tools need for downloads: \`npm_config_*\`, \`PIP_*\`, \`GOPROXY\`, \`GOFLAGS\`, \`GOSUMDB\`, \`GONOSUMDB\`, \`BUNDLE_*\`, the proxies
  \`http_proxy\`, \`https_proxy\` and \`no_proxy\` in both spellings, \`SSL_CERT_FILE\`, \`SSL_CERT_DIR\` and \`NODE_EXTRA_CA_CERTS\`.
- Builds, and apps on one machine, get \`LANG\`, \`LC_ALL\` and \`TZ\`.
- \`KUBECONFIG\` names the cluster, if the controller runs outside of it.
- For settings that the config of an app may override, see [contract/api.md](contract/api.md) §3.14. For variables of the command line, see
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

/** Columns of equal width, as the formatter of the repository writes them. */
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
