// Do the commands of the original client work as the requests that they send, in order (docs/contract/api.md appendices A and D)?
import { describe, expect, test } from 'vitest'
import { password } from '../client.ts'
import type { Steps } from './stage.ts'
import { bareHeaders, exchange, withToken } from './wire.ts'

type Call = readonly [method: 'GET' | 'POST' | 'DELETE', path: string, status: number, body?: unknown]

/** What each command of an app sends, for an app `A` that has no code; each begins where the one before it ended. */
const ofApp: readonly (readonly [command: string, calls: readonly Call[]])[] = [
  ['apps', [['GET', '/v2/apps/?limit=100', 200]]],
  [
    'apps:info',
    [
      ['GET', '/v2/apps/A/', 200],
      ['GET', '/v2/apps/A/domains/?limit=1', 200],
      ['GET', '/v2/apps/A/pods/?limit=100', 200],
      ['GET', '/v2/apps/A/domains/?limit=100', 200],
      ['GET', '/v2/apps/A/settings/', 200],
    ],
  ],
  ['apps:logs', [['GET', '/v2/apps/A/logs', 200]]],
  ['apps:logs -n 5', [['GET', '/v2/apps/A/logs?log_lines=5', 200]]],
  ['builds', [['GET', '/v2/apps/A/builds/?limit=100', 200]]],
  ['releases', [['GET', '/v2/apps/A/releases/?limit=100', 200]]],
  ['releases:info v1', [['GET', '/v2/apps/A/releases/v1/', 200]]],
  ['releases:rollback', [['POST', '/v2/apps/A/releases/rollback/', 400]]],
  ['config:list', [['GET', '/v2/apps/A/config/', 200]]],
  [
    'config:set',
    [
      ['POST', '/v2/apps/A/config/', 201, { values: { PORT: '5000', NAME: 'x' } }],
      ['GET', '/v2/apps/A/config/', 200],
    ],
  ],
  [
    'config:unset',
    [
      ['POST', '/v2/apps/A/config/', 201, { values: { NAME: null } }],
      ['GET', '/v2/apps/A/config/', 200],
    ],
  ],
  [
    'healthchecks:set',
    [
      [
        'POST',
        '/v2/apps/A/config/',
        201,
        {
          healthcheck: {
            'web/cmd': {
              livenessProbe: {
                initialDelaySeconds: 50,
                timeoutSeconds: 50,
                periodSeconds: 10,
                successThreshold: 1,
                failureThreshold: 3,
                httpGet: { path: '/', port: 80 },
              },
            },
          },
        },
      ],
      ['GET', '/v2/apps/A/config/', 200],
    ],
  ],
  [
    'healthchecks:unset',
    [
      ['POST', '/v2/apps/A/config/', 201, { healthcheck: { 'web/cmd': { livenessProbe: null } } }],
      ['GET', '/v2/apps/A/config/', 200],
    ],
  ],
  ['domains', [['GET', '/v2/apps/A/domains/?limit=100', 200]]],
  ['domains:add', [['POST', '/v2/apps/A/domains/', 201, { domain: 'seq.A.example' }]]],
  ['domains:add *.…', [['POST', '/v2/apps/A/domains/', 201, { domain: '*.seq.A.example' }]]],
  ['domains:remove', [['DELETE', '/v2/apps/A/domains/seq.A.example', 204]]],
  ['domains:remove *.…', [['DELETE', '/v2/apps/A/domains/%2A.seq.A.example', 204]]],
  ['ps', [['GET', '/v2/apps/A/pods/?limit=100', 200]]],
  ['ps:scale', [['POST', '/v2/apps/A/scale/', 400, { web: 3 }]]],
  ['ps:restart', [['POST', '/v2/apps/A/pods/restart/', 200]]],
  ['ps:restart web', [['POST', '/v2/apps/A/pods/web/restart/', 200]]],
  ['run', [['POST', '/v2/apps/A/run', 400, { command: 'ls -la' }]]],
  ['maintenance:on', [['POST', '/v2/apps/A/settings/', 201, { maintenance: true }]]],
  ['maintenance:off', [['POST', '/v2/apps/A/settings/', 201, { maintenance: false }]]],
  ['routing:disable', [['POST', '/v2/apps/A/settings/', 201, { routable: false }]]],
  ['routing:enable', [['POST', '/v2/apps/A/settings/', 201, { routable: true }]]],
  ['labels:set', [['POST', '/v2/apps/A/settings/', 201, { label: { team: 'frontend' } }]]],
  ['labels:unset', [['POST', '/v2/apps/A/settings/', 201, { label: { team: null } }]]],
  ['labels:unset again', [['POST', '/v2/apps/A/settings/', 422, { label: { team: null } }]]],
  ['autoscale:unset', [['POST', '/v2/apps/A/settings/', 422, { autoscale: { web: null } }]]],
  ['whitelist:add', [['POST', '/v2/apps/A/whitelist/', 201, { addresses: ['1.2.3.4', '0.0.0.0/0'] }]]],
  ['whitelist', [['GET', '/v2/apps/A/whitelist/', 200]]],
  ['whitelist:remove', [['DELETE', '/v2/apps/A/whitelist/', 204, { addresses: ['1.2.3.4'] }]]],
  ['tls:enable', [['POST', '/v2/apps/A/tls/', 201, { https_enforced: true }]]],
  ['tls:disable', [['POST', '/v2/apps/A/tls/', 201, { https_enforced: false }]]],
  ['tls', [['GET', '/v2/apps/A/tls/', 200]]],
  ['perms:create', [['POST', '/v2/apps/A/perms/', 201, { username: 'eve' }]]],
  ['perms', [['GET', '/v2/apps/A/perms/', 200]]],
  ['perms:delete', [['DELETE', '/v2/apps/A/perms/eve', 204]]],
  ['keys', [['GET', '/v2/keys/?limit=100', 200]]],
  ['certs', [['GET', '/v2/certs/?limit=100', 200]]],
  ['whoami --all', [['GET', '/v2/auth/whoami/', 200]]],
  ['apps:transfer', [['POST', '/v2/apps/A/', 200, { owner: 'ann' }]]],
  ['apps:destroy', [['DELETE', '/v2/apps/A/', 204]]],
  ['apps:destroy again', [['DELETE', '/v2/apps/A/', 404]]],
]

export const sequences: Steps = (_, on) => {
  describe('appendix A: what the commands send', () => {
    test('register, login and apps:create --buildpack, on one profile', async () => {
      const { api, name } = on()
      const probe = () => exchange(api, { method: 'GET', path: '/v2/', headers: bareHeaders })
      expect((await probe()).status).toBe(401)
      // A client that holds a token for this controller sends it along.
      const account = { username: 'seq', password, email: 'seq@example.com' }
      expect((await on().ann.post('/v2/auth/register/', account)).status).toBe(201)
      expect((await probe()).status).toBe(401)
      const { json } = await on().nobody.post('/v2/auth/login/', { username: 'seq', password })
      const seq = withToken(api, (json as { token: string }).token)
      const made = await seq.post('/v2/apps/')
      const { id } = made.json as { id: string }
      const values = { BUILDPACK_URL: 'https://example.com/pack.git' }
      expect((await seq.post(`/v2/apps/${id}/config/`, { values })).json).toMatchObject({ values })
      expect((await seq.remove(`/v2/apps/${id}/`)).status).toBe(204)
      expect((await seq.post('/v2/apps/', { id: name('seq') })).status).toBe(201)
      expect((await seq.remove(`/v2/apps/${name('seq')}/`)).status).toBe(204)
      expect((await seq.post('/v2/auth/passwd/', { password, new_password: 'next' })).status).toBe(200)
      expect((await seq.remove('/v2/auth/cancel/')).status).toBe(204)
    })

    test('version --all asks for health and reads the headers', async () => {
      const { status, headers } = await exchange(on().api, { method: 'GET', path: '/healthz', headers: bareHeaders })
      expect([status, headers['deis_api_version'], headers['deis_platform_version']]).toEqual([200, '2.3', '2.3.0'])
    })

    describe.sequential('commands about one app', () => {
      test.each(ofApp)('%s', async (_, calls) => {
        const { ann, name } = on()
        const id = name('commands')
        if (calls === ofApp[0]?.[1]) await on().create('commands')
        for (const [method, path, status, body] of calls) {
          const text = body === undefined ? undefined : JSON.stringify(body).replace(/\bA\b(?=\.example)/, id)
          const reply = await ann.send(
            method,
            path.replace('/A/', `/${id}/`).replace('A.example', `${id}.example`),
            text,
          )
          expect([method, path, reply.status]).toEqual([method, path, status])
        }
      })
    })
  })
}
