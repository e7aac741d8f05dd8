// Which settings has a router, besides those that it shares with the controller?
import { type Section, settingsOf } from './kinds.ts'

const { text, integer, optionalInteger, choice, list } = settingsOf('router')

const onOff = ['0', '1'] as const

export const routerSettings = {
  DEIS_CONTROLLER_URL: text('http://127.0.0.1:8000', 'the controller; `https://` where others could read along'),
  DEIS_ROUTER_KEY_FILE: text('', 'a file with the key of routers, instead of `DEIS_ROUTER_KEY`'),
  DEIS_ROUTER_HOST: text('', 'the address it listens on', { usually: 'all addresses' }),
  DEIS_ROUTER_TLS_PORT: integer(0, 0, 65_535, 'port for TLS, for domains with a certificate; 0: none'),
  DEIS_ROUTER_TLS_PUBLIC_PORT: optionalInteger(1, 65_535, 'where `deis tls:enable` sends clients', {
    usually: '`DEIS_ROUTER_TLS_PORT`, else 443',
  }),
  DEIS_ROUTER_TRUSTED_PROXIES: list([], 'addresses and networks whose `X-Forwarded-For` and `-Proto` count'),
  DEIS_ROUTER_COMPRESSION: choice('1', onOff, '0: off, for apps whose pages mix secrets with what strangers choose'),
  DEIS_ROUTER_ACCESS_LOG: choice('0', onOff, '1: a line of JSON for each request'),
  DEIS_ROUTER_HEALTH_PORT: optionalInteger(0, 65_535, '`/healthz` and `/readyz`; 0: any free port', {
    usually: 'none',
  }),
  DEIS_ROUTER_LINGER_SECONDS: integer(0, 0, 3600, 'how long it takes connections after TERM, for load balancers', {
    unit: 'seconds',
  }),
  DEIS_ROUTER_TABLE: text('', 'the file in which it keeps its routes', { usually: 'none' }),
} as const

export const routerSections: readonly Section[] = [{ title: 'Router', settings: routerSettings }]
