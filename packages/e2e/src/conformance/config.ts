// Is config merged, checked and shown as docs/contract/api.md §2.5 and §3.4 say?
import { describe, expect, test } from 'vitest'
import { clientText } from './client-text.ts'
import type { Steps } from './stage.ts'
import type { Reply } from './wire.ts'

const limits = {
  memory: 'Memory limit format: <number><unit> or <number><unit>/<number><unit>, where unit = B, K, M or G',
  cpu: 'CPU limit format: <value> or <value>/<value>, where value must be a numeric',
} as const
const types =
  'Process types can only contain letters and digits, with single hyphens or underscores between them, and have at most 63 characters'
const keys = 'Config keys must start with a letter or underscore and only contain [A-z0-9_]'
const probe = {
  httpGet: { port: 5000, path: '/z' },
  initialDelaySeconds: 50,
  timeoutSeconds: 50,
  periodSeconds: 10,
  successThreshold: 1,
  failureThreshold: 3,
}

/** What is refused, under which field, with which words. */
const refused: readonly (readonly [field: string, value: unknown, words: string])[] = [
  ['values', { '1A': 'x' }, keys],
  ['values', { 'A-B': 'x' }, keys],
  ['values', { '': 'x' }, keys],
  ['values', { PORT: 'dog' }, 'PORT can only be a numeric value'],
  ['values', { PORT: '0' }, 'PORT needs to be between 1 and 65535'],
  ['values', { PORT: 99_999 }, 'PORT needs to be between 1 and 65535'],
  ['values', { HEALTHCHECK_TIMEOUT: 'x' }, 'HEALTHCHECK_TIMEOUT can only be a numeric value'],
  [
    'values',
    { HEALTHCHECK_URL: 'http://x/y' },
    'HEALTHCHECK_URL can only be a URI path (such as /healthz) that does not contain other things such as query params',
  ],
  [
    'values',
    { HEALTHCHECK_URL: '/z?x=1' },
    'HEALTHCHECK_URL can only be a URI path (such as /healthz) that does not contain other things such as query params',
  ],
  [
    'values',
    { HEALTHCHECK_URL: '' },
    'HEALTHCHECK_URL is missing a URI path (such as /healthz). Without it no health check can be done',
  ],
  ['values', null, 'This field may not be null.'],
  ['values', 'x', 'Value must be valid JSON.'],
  ['memory', { web: '1Z' }, limits.memory],
  ['memory', { web: '10' }, limits.memory],
  ['memory', { web: '20MK' }, limits.memory],
  ['memory', { Web_: '1G' }, types],
  ['cpu', { web: '1G' }, limits.cpu],
  ['cpu', { web: '.' }, limits.cpu],
  ['cpu', { '-': '1' }, types],
  ['tags', { 'a/b/c': 'x' }, 'Tag key prefixes must be DNS subdomains.'],
  ['tags', { '-a': 'x' }, 'Tag keys must be alphanumeric or "-_.", and 1-63 characters.'],
  ['tags', { [`${'x'.repeat(254)}/a`]: 'x' }, 'Tag key prefixes must 253 characters or less.'],
  ['tags', { a: '-x' }, 'Tag values must be alphanumeric or "-_.", and 1-63 characters.'],
  ['registry', { 'a-b': 'x' }, keys],
  ['healthcheck', { web: { startProbe: {} } }, 'Healthcheck keys must be either livenessProbe or readinessProbe'],
  [
    'healthcheck',
    { web: { livenessProbe: { ...probe, successThreshold: 2 } } },
    'livenessProbe successThreshold can only be 1',
  ],
]

export const config: Steps = (backend, on) => {
  describe('§2.5 config', () => {
    let shared: Promise<string> | undefined
    /** An app that takes nothing. */
    const refusing = (): Promise<string> => (shared ??= on().create())

    test.each(refused)('%s %j is refused', async (field, value, words) => {
      const { ann } = on()
      const path = await refusing()
      const { status, json } = await ann.post(`${path}/config/`, { [field]: value })
      expect([status, json]).toEqual([400, { [field]: [words] }])
    })

    test('a probe of the wrong shape says which', async () => {
      const { ann } = on()
      const path = await refusing()
      for (const readinessProbe of [5, { exec: { command: [] } }, { httpGet: { path: '/' } }, { timeoutSeconds: 'x' }])
        expect((await ann.post(`${path}/config/`, { healthcheck: { web: { readinessProbe } } })).json).toEqual({
          healthcheck: [expect.stringMatching(/^could not validate .+: ./)],
        })
    })

    test('nothing of a refused request is kept, and all failing fields are named', async () => {
      const { ann } = on()
      const path = await refusing()
      const body = { values: { GOOD: '1', 'B AD': '2' }, cpu: { web: 'x' } }
      expect((await ann.post(`${path}/config/`, body)).json).toEqual({ values: [keys], cpu: [limits.cpu] })
      expect((await ann.get(`${path}/config/`)).json).toMatchObject({ values: {}, cpu: {} })
      expect((await ann.get(`${path}/releases/`)).json).toMatchObject({ count: 1 })
    })

    test('maps are merged, null removes, each change is a release that says what changed', async () => {
      const { ann, create } = on()
      const path = await create()
      const set = async (body: unknown): Promise<unknown> => (await ann.post(`${path}/config/`, body)).json
      expect(await set({ values: { PORT: 5000, ON: true, HALF: 1.5, NAME: 'größe 💧', B: 'x' } })).toMatchObject({
        values: { PORT: '5000', ON: 'True', HALF: '1.5', NAME: 'größe 💧', B: 'x' },
      })
      const second = await set({ values: { B: 'y', C: '1', ON: null } })
      expect(second).toMatchObject({ values: { PORT: '5000', B: 'y', C: '1', HALF: '1.5' } })
      expect((second as { values: object }).values).not.toHaveProperty('ON')
      // §7 #16: parts are separated.
      await set({ values: { D: '1' }, healthcheck: { web: { livenessProbe: probe } } })
      const { json } = await ann.get(`${path}/releases/?limit=3`)
      const shown = (json as { results: { summary: string; version: number }[] }).results
      expect(shown.map(({ version, summary }) => [version, summary])).toEqual([
        [4, 'ann added D and ann added healthcheck info for proc type web'],
        [3, 'ann added C, changed B, deleted ON'],
        [2, 'ann added B, HALF, NAME, ON, PORT'],
      ])
    })

    test('a map may be JSON text; unknown fields are ignored', async () => {
      const { ann, create } = on()
      const path = await create()
      const body = { values: '{"TEXT":"yes"}', unknown: { A: 1 } }
      expect((await ann.post(`${path}/config/`, body)).json).toMatchObject({ values: { TEXT: 'yes' } })
    })

    test('what is not set cannot be unset, and no change is a conflict', async () => {
      const { ann, create } = on()
      const path = await create()
      const set = (body: unknown): Promise<Reply> => ann.post(`${path}/config/`, body)
      for (const map of ['values', 'memory', 'cpu', 'tags', 'registry', 'healthcheck']) {
        const reply = await set({ [map]: { nope: null } })
        expect([reply.status, reply.json]).toEqual([422, { detail: `nope does not exist under ${map}` }])
        expect(clientText(reply)).toBe(`Unable to process your request: nope does not exist under ${map}`)
      }
      await set({ values: { A: '1' } })
      for (const body of [{ values: { A: '1' } }, {}, undefined])
        expect(await set(body)).toMatchObject({
          status: 409,
          json: { detail: 'ann changed nothing - release stopped' },
        })
      expect((await ann.get(`${path}/releases/`)).json).toMatchObject({ count: 2 })
    })

    test('health checks are kept by type and probe; those of old become probes', async () => {
      const { ann, create } = on()
      const path = await create()
      const set = async (body: unknown): Promise<unknown> => (await ann.post(`${path}/config/`, body)).json
      await set({ healthcheck: { 'web/cmd': { livenessProbe: probe, readinessProbe: { tcpSocket: { port: 5 } } } } })
      expect(await set({ healthcheck: { 'web/cmd': { livenessProbe: null } } })).toMatchObject({
        healthcheck: { 'web/cmd': { readinessProbe: { tcpSocket: { port: 5 } } } },
      })
      const legacy = await set({ values: { HEALTHCHECK_URL: '/up', HEALTHCHECK_TIMEOUT: '7' } })
      expect(legacy).toMatchObject({
        values: {},
        healthcheck: {
          'web/cmd': {
            livenessProbe: {
              httpGet: { path: '/up' },
              timeoutSeconds: 7,
              initialDelaySeconds: 50,
              failureThreshold: 3,
            },
            readinessProbe: { httpGet: { path: '/up' }, timeoutSeconds: 7, periodSeconds: 10, successThreshold: 1 },
          },
        },
      })
    })

    test('limits are kept, or refused where nothing would enforce them', async () => {
      const { ann, create } = on()
      const path = await create()
      for (const [map, values] of [
        ['memory', ['1G/2G', '0/100MB', '64m', '20kb/1g']],
        ['cpu', ['500m/600m', '.123', '0']],
      ] as const)
        for (const value of values) {
          const reply = await ann.post(`${path}/config/`, { [map]: { web: value } })
          if (backend !== 'process') expect([reply.status, reply.json]).toMatchObject([201, { [map]: { web: value } }])
          else
            expect([reply.status, reply.json]).toEqual([
              400,
              { detail: expect.stringContaining('cannot enforce') as string },
            ])
        }
    })

    test('a registry needs a port, and tags need a node', async () => {
      const { ann, create } = on()
      const path = await create()
      const registry = { username: 'ann', PASSWORD: 'x' }
      const needed = 'PORT needs to be set in the config when using a private registry'
      const unable = expect.stringContaining('cannot enforce image registries') as string
      // What a backend cannot do at all is said first.
      expect(await ann.post(`${path}/config/`, { registry })).toMatchObject({
        status: 400,
        json: { detail: backend === 'process' ? unable : needed },
      })
      const reply = await ann.post(`${path}/config/`, { values: { PORT: '80' }, registry })
      if (backend === 'process') {
        expect(reply).toMatchObject({
          status: 400,
          json: { detail: expect.stringContaining('cannot enforce') as string },
        })
        return
      }
      expect(reply.json).toMatchObject({ registry: { username: 'ann', password: 'x' } })
      expect((await ann.post(`${path}/config/`, { values: { PORT: null } })).status).toBe(400)
      const tagged = await ann.post(`${path}/config/`, { tags: { disk: 'cheese' } })
      if (backend === 'docker') {
        expect(tagged).toMatchObject({
          status: 400,
          json: { detail: expect.stringContaining('cannot enforce') as string },
        })
        return
      }
      expect(tagged).toMatchObject({
        status: 400,
        json: { detail: 'No nodes matched the provided labels: disk=cheese' },
      })
      expect(clientText(tagged)).toBe('No nodes matched the provided labels')
    })
  })
}
