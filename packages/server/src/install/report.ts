// What does the operator do next, once the platform runs?
import { layout } from '../layout.ts'

export type Installed = {
  readonly release: string
  readonly domain: string
  readonly scheduler: string
  /** For the first account; null: there may be one already. */
  readonly token: string | null
  readonly addresses: readonly string[]
  /** Certificates are got from a CA. */
  readonly https: boolean
}

export function report({ release, domain, scheduler, token, addresses, https }: Installed): string[] {
  const scheme = https ? 'https' : 'http'
  const api = `${scheme}://deis.${domain}`
  return [
    '',
    `Deis ${release} runs on this machine, and starts with it.`,
    `  API       ${api}`,
    `  apps      ${scheme}://<app>.${domain}, run by: ${scheduler}`,
    `  settings  ${layout.controllerEnv}, ${layout.routerEnv}`,
    `  data      ${layout.data}`,
    '  logs      journalctl -u deis-controller -u deis-router',
    '  check     deis-server doctor',
    '',
    `DNS: ${domain} and *.${domain} must lead to this machine (${addresses.join(', ') || 'its public address'}).`,
    ...(https
      ? [
          'The first certificates are there within a minute after that; `deis certs:auto` and `deis doctor` say how far',
          'they are. Until then requests are not encrypted.',
        ]
      : [
          'Requests are not encrypted. Certificates from a CA, renewed by themselves:',
          '  deis-server install --email you@example.com',
        ]),
    '',
    'On your laptop, with Node.js:',
    `  curl -fsSL ${api}/install.sh | sh`,
    `  deis register ${api}${token === null ? '' : ` --token=${token}`}`,
    '  deis keys:add',
    '  deis create && git push deis main     # in the folder of an app',
    ...(token === null ? [] : ['The token is for the first account, which becomes an admin.']),
  ]
}
