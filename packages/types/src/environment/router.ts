// Which settings does a router have, besides those that it shares with the controller?
import { type Section, settingsOf } from './kinds.ts'

const { text, integer, optionalInteger, choice, list } = settingsOf('router')

const onOff = ['0', '1'] as const

export const routerSettings = {
  DEIS_CONTROLLER_URL: text('http://127.0.0.1:8000', 'URL of the controller; use `https://` on untrusted networks'),
  DEIS_ROUTER_KEY_FILE: text('', 'file with the router key, instead of `DEIS_ROUTER_KEY`'),
  DEIS_ROUTER_HOST: text('', 'address to listen on', { usually: 'all addresses' }),
  DEIS_ROUTER_TLS_PORT: integer(0, 0, 65_535, 'TLS port, for domains with a certificate; 0: none'),
  DEIS_ROUTER_TLS_PUBLIC_PORT: optionalInteger(1, 65_535, 'port that `deis tls:enable` redirects clients to', {
    usually: '`DEIS_ROUTER_TLS_PORT`, else 443',
  }),
  DEIS_ROUTER_TRUSTED_PROXIES: list([], 'proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are trusted'),
  DEIS_ROUTER_COMPRESSION: choice(
    '1',
    onOff,
    '0: no compression, for apps whose pages contain both secrets and input of strangers',
  ),
  DEIS_ROUTER_ACCESS_LOG: choice('0', onOff, '1: log a line of JSON for each request'),
  DEIS_ROUTER_HEALTH_PORT: optionalInteger(0, 65_535, 'port of `/healthz` and `/readyz`; 0: any free port', {
    usually: 'none',
  }),
  DEIS_ROUTER_LINGER_SECONDS: integer(0, 0, 3600, 'how long it accepts connections after TERM, for load balancers', {
    unit: 'seconds',
  }),
  DEIS_ROUTER_WORKERS: optionalInteger(1, 64, 'how many processes serve requests; all share the routes and the ports', {
    usually: '1 on up to two cores, else as many as cores, at most 4',
  }),
  DEIS_ROUTER_TABLE: text('', 'file in which the routes are saved', { usually: 'none' }),
} as const

export const routerSections: readonly Section[] = [{ title: 'Router', settings: routerSettings }]
