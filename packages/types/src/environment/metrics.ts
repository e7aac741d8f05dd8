// Where do the programs show their numbers to Prometheus, and to whom?
import { type Section, settingsOf } from './kinds.ts'

const both = { programs: ['controller', 'router'] } as const
const controller = settingsOf('controller')
const router = settingsOf('router')

export const metricsSettings = {
  DEIS_METRICS_PORT: controller.optionalInteger(0, 65_535, 'port of `/metrics` of the controller; 0: any free port', {
    usually: 'none',
  }),
  DEIS_ROUTER_METRICS_PORT: router.optionalInteger(0, 65_535, 'port of `/metrics` of the router; 0: any free port', {
    usually: 'none',
  }),
  DEIS_METRICS_HOST: controller.text(
    '127.0.0.1',
    'address that `/metrics` listens on; with one that other machines reach, a token is needed',
    both,
  ),
  DEIS_METRICS_TOKEN: controller.text('', 'bearer token of those who read `/metrics`: at least 16 characters', {
    ...both,
    usually: 'none',
  }),
  DEIS_ROUTER_METRICS_APPS: router.integer(
    200,
    0,
    100_000,
    'how many apps have series of their own in the metrics of a router (about 40 each); the others are one, `_other`',
  ),
} as const

export const metricsSections: readonly Section[] = [{ title: 'Metrics', settings: metricsSettings }]

const loopback = /^(localhost|127\.\d+\.\d+\.\d+|::1)$/
const leastToken = 16

/** What is wrong with where metrics are shown. */
export function metricsProblems(host: string, token: string | null): string[] {
  if (token !== null && token.length < leastToken)
    return [`DEIS_METRICS_TOKEN must have at least ${leastToken} characters`]
  if (token !== null && /[^\x21-\x7e]/.test(token))
    return ['DEIS_METRICS_TOKEN has characters that are not allowed in a header']
  if (token !== null || loopback.test(host)) return []
  return [
    `DEIS_METRICS_HOST is ${JSON.stringify(host)}, which other machines may reach: set DEIS_METRICS_TOKEN as well`,
  ]
}
