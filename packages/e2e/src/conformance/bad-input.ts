// Is every endpoint's bad input refused in a documented shape, with nothing changed?
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Stage, Steps } from './stage.ts'
import { pathsOfContract } from './successes.ts'

const dictionary = (field: string, type: string): object => ({
  [field]: [`Expected a dictionary of items but got type "${type}".`],
})
const notText = (...fields: string[]): object =>
  Object.fromEntries(fields.map((field) => [field, ['Not a valid string.']]))
const anyField = (...fields: string[]): object =>
  Object.fromEntries(fields.map((field) => [field, [expect.any(String)]]))

/** Under `:app`, an app of ann's without code. Absent words: of any documented shape. */
const refused: readonly (readonly [path: string, body: unknown, words?: object])[] = [
  ['/v2/auth/register/', { username: ['a'], password: { a: 1 } }, notText('username', 'password')],
  ['/v2/auth/register/', { username: 'bad', password: 'x', email: 5 }, notText('email')],
  ['/v2/auth/login/', { username: 5, password: true }, notText('username', 'password')],
  ['/v2/auth/passwd/', { password: 5, new_password: [] }, notText('password', 'new_password')],
  ['/v2/auth/tokens/', { username: 5 }, notText('username')],
  ['/v2/apps/', { id: 5 }],
  ['/v2/apps/', { id: ['x'] }],
  ['/v2/apps/', { id: 'x'.repeat(60_000) }],
  ['/v2/apps/:app/', { owner: 5 }, notText('owner')],
  ['/v2/apps/:app/run', { command: ['ls'] }, { detail: 'command is a required field' }],
  ['/v2/apps/:app/run', { command: ' ' }, { detail: 'command is a required field' }],
  ['/v2/apps/:app/run', { command: 'a\0b' }],
  ['/v2/apps/:app/scale/', ['web']],
  ['/v2/apps/:app/scale/', '"web=1"'],
  ['/v2/apps/:app/config/', { values: 5 }, anyField('values')],
  ['/v2/apps/:app/config/', { values: ['A=1'] }, dictionary('values', 'list')],
  ['/v2/apps/:app/config/', { healthcheck: { web: 5 } }, anyField('healthcheck')],
  ['/v2/apps/:app/config/', { memory: { web: { a: 1 } }, cpu: { web: [1] } }, anyField('memory', 'cpu')],
  ['/v2/apps/:app/config/', { values: { A: 'x'.repeat(200_000) } }, anyField('values')],
  ['/v2/apps/:app/config/', { values: { A: 'a\0b' } }, anyField('values')],
  ['/v2/apps/:app/config/', '[]'],
  ['/v2/apps/:app/config/', 'null'],
  ['/v2/apps/:app/config/', '5'],
  ['/v2/apps/:app/builds/', { image: 5 }, notText('image')],
  ['/v2/apps/:app/builds/', { image: 'x', procfile: 'web: x' }, anyField('procfile')],
  ['/v2/apps/:app/builds/', { image: 'x', procfile: ['web'] }, anyField('procfile')],
  ['/v2/apps/:app/builds/', { image: 'x', sha: 5, dockerfile: true }, notText('sha', 'dockerfile')],
  ['/v2/apps/:app/builds/', { image: ' ' }, { image: ['This field may not be blank.'] }],
  [
    '/v2/apps/:app/releases/rollback/',
    { version: 'latest' },
    { detail: "invalid literal for int() with base 10: 'latest'" },
  ],
  ['/v2/apps/:app/releases/rollback/', { version: -3 }, { detail: 'version cannot be below 0' }],
  ['/v2/apps/:app/releases/rollback/', { version: {} }],
  ['/v2/apps/:app/releases/rollback/', { version: 1e300 }],
  ['/v2/apps/:app/domains/', {}, { domain: ['This field is required.'] }],
  ['/v2/apps/:app/domains/', { domain: 5 }, notText('domain')],
  ['/v2/apps/:app/domains/', { domain: 'a/b' }, anyField('domain')],
  ['/v2/apps/:app/domains/', { domain: 'a'.repeat(300) }, anyField('domain')],
  ['/v2/apps/:app/settings/', { maintenance: 5, routable: 'maybe' }, anyField('maintenance', 'routable')],
  ['/v2/apps/:app/settings/', { autoscale: 'web', label: 'x' }, anyField('autoscale', 'label')],
  ['/v2/apps/:app/settings/', { autoscale: { W_: { min: 1, max: 1, cpu_percent: 1 } } }, anyField('autoscale')],
  ['/v2/apps/:app/settings/', { whitelist: [5] }],
  ['/v2/apps/:app/settings/', { label: { a: 'x'.repeat(70_000) } }, anyField('label')],
  ['/v2/apps/:app/whitelist/', { addresses: 'x' }],
  ['/v2/apps/:app/whitelist/', { addresses: [5] }],
  ['/v2/apps/:app/whitelist/', { addresses: ['::1%eth0'] }],
  ['/v2/apps/:app/tls/', {}, { https_enforced: ['This field is required.'] }],
  ['/v2/apps/:app/tls/', { https_enforced: [true] }, anyField('https_enforced')],
  ['/v2/apps/:app/perms/', { username: 5 }, notText('username')],
  ['/v2/apps/:app/perms/', { username: '' }, { username: ['This field may not be blank.'] }],
  ['/v2/certs/', { name: 5, certificate: [], key: {} }, notText('name', 'certificate', 'key')],
  [
    '/v2/certs/',
    { name: 'x', certificate: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n', key: 'x' },
    anyField('certificate', 'key'),
  ],
  ['/v2/certs/nope/domain/', { domain: 5 }],
  ['/v2/keys/', { id: 5, public: ['x'] }, notText('id', 'public')],
  ['/v2/keys/', { id: 'x', public: 'ssh-rsa AAAA\nssh-rsa AAAA' }, anyField('public')],
  ['/v2/keys/', { id: 'x', public: 'x'.repeat(20_000) }, anyField('public')],
]

/** For admins and builders, who come with other credentials. */
const privileged: readonly (readonly [who: 'root' | 'builder', path: string, body: unknown, words: object])[] = [
  ['root', '/v2/admin/perms/', {}, { username: ['This field is required.'] }],
  ['root', '/v2/admin/perms/', { username: 5 }, notText('username')],
  ['builder', '/v2/hooks/config/', { receive_user: 5, receive_repo: [] }, notText('receive_user', 'receive_repo')],
  ['builder', '/v2/hooks/build/', { receive_user: 'ann', receive_repo: 'x', image: 5 }, notText('image')],
]

/** Ids that are none. */
const strange = ['%00', '..%2f..', '-', 'a'.repeat(300), "'%20OR%201=1", encodeURIComponent('💧')] as const

/** Where a body counts and what is named in the path is there. */
const written = [
  '/v2/auth/register/',
  '/v2/auth/login/',
  '/v2/auth/passwd/',
  '/v2/auth/tokens/',
  '/v2/apps/',
  '/v2/certs/',
  '/v2/keys/',
  '/v2/apps/:app/',
  '/v2/apps/:app/run',
  '/v2/apps/:app/scale/',
  '/v2/apps/:app/config/',
  '/v2/apps/:app/builds/',
  '/v2/apps/:app/releases/rollback/',
  '/v2/apps/:app/domains/',
  '/v2/apps/:app/perms/',
  '/v2/apps/:app/settings/',
  '/v2/apps/:app/whitelist/',
  '/v2/apps/:app/tls/',
] as const

export const badInput: Steps = (_, on) => {
  describe('bad input', () => {
    let app: string
    let before: unknown
    beforeAll(async () => {
      app = (await on().create('refused')).slice('/v2/apps/'.length)
      before = await picture(on(), app)
    })
    afterAll(async () => {
      expect(await picture(on(), app)).toEqual(before)
    })

    const table = refused.map(([path, body, words]) => ({ path, body, words }))
    test.each(table)('$path refuses $body', async ({ path, body, words }) => {
      const { status, json } = await on().ann.post(path.replace(':app', app), body)
      // What a missing thing of that name would say comes before what its body would.
      expect(path.includes('nope') ? [400, 404] : [400]).toContain(status)
      if (words) expect(json).toEqual(words)
    })

    test.each(privileged)('asked by %s, %s refuses %j', async (who, path, body, words) => {
      const { status, json } = await on()[who].post(path, body)
      expect([status, json]).toEqual([400, words])
    })

    test('whatever stands in the place of a parameter is not there', async () => {
      const { root, builder } = on()
      const wrong: unknown[] = []
      for (const [pattern, methods] of pathsOfContract) {
        // The app is strange where it is all that is named; else it is there.
        const path = pattern.replace(/:app(?=.*:)/, app)
        const who = pattern.startsWith('/v2/hooks/') ? builder : root
        // No pod of such a name is an empty list.
        const fine = pattern.includes('/:app/pods/:') ? [200, 400, 404] : [400, 404]
        const asked = path.includes(':')
          ? strange.flatMap((part) => methods.map((method) => [method, part] as const))
          : []
        const reply = asked.map(async ([method, part]) => {
          const filled = path.replace(/:\w+/g, part)
          const { status } = await who.send(method, filled, method === 'GET' ? undefined : {})
          if (!fine.includes(status)) wrong.push([method, filled, status])
        })
        await Promise.all(reply)
      }
      expect(wrong).toEqual([])
    })

    test('no other type of content is taken where a body counts', async () => {
      for (const path of written)
        for (const type of ['text/plain', 'multipart/form-data; boundary=x']) {
          const reply = await on().ann.send('POST', path.replace(':app', app), 'x', { 'Content-Type': type })
          expect([path, reply.status, reply.json]).toEqual([
            path,
            415,
            { detail: `Unsupported media type "${type}" in request.` },
          ])
        }
    })
  })
}

/** All that ann could see of her account and of the app. */
async function picture({ ann, root }: Stage, app: string): Promise<unknown> {
  const paths = [
    '',
    'config/',
    'releases/',
    'builds/?all=1',
    'domains/',
    'settings/',
    'whitelist/',
    'tls/',
    'perms/',
    'pods/',
  ]
  const answers = [
    ...(await Promise.all(paths.map((path) => ann.get(`/v2/apps/${app}/${path}`)))),
    ...(await Promise.all(['/v2/apps/', '/v2/keys/', '/v2/certs/', '/v2/auth/whoami/'].map((path) => ann.get(path)))),
    ...(await Promise.all(['/v2/users/', '/v2/admin/perms/'].map((path) => root.get(path)))),
  ]
  return answers.map(({ json }) => json)
}
