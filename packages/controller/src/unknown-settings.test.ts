// Is a misspelled setting named, and nothing else?
import { expect, test } from 'vitest'
import { unknownSettings } from './unknown-settings.ts'

test('a setting that is misspelled is named', () => {
  const env = { DEIS_SCHEDULR: 'docker', DEIS_SCHEDULER: 'docker', DEIS_APIPORT: '1', PATH: '/bin' }
  expect(unknownSettings(env)).toEqual(['DEIS_SCHEDULR', 'DEIS_APIPORT'])
})

test.each<Record<string, string>>([
  { DEIS_SCHEDULER: 'docker', DATABASE_URL: 'file:/x', PATH: '/bin', deis_x: '1' },
  { DEIS_PROFILE: 'other', DEIS_WAIT_SECONDS: '9' },
  { DEIS_ACME_DNS_PASSWORD: 'x' },
  {
    KUBERNETES_SERVICE_HOST: '10.0.0.1',
    DEIS_CONTROLLER_SERVICE_HOST: '10.0.0.1',
    DEIS_CONTROLLER_SERVICE_PORT_API: '8000',
    DEIS_CONTROLLER_PORT: 'tcp://10.0.0.1:8000',
    DEIS_CONTROLLER_PORT_8000_TCP_ADDR: '10.0.0.1',
  },
])('of %j nothing is said', (env) => {
  expect(unknownSettings(env)).toEqual([])
})
