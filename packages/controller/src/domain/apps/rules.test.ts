// Do the pure rules give what docs/contract/api.md §3 says?
import { describe, expect, it } from 'vitest'
import { emptyConfig, mergeConfig, refuseWithoutPort } from './config-rules.ts'
import { environment, formation, routableType, type ReleaseParts } from '../releases/formation.ts'
import { lineCount } from '../live/logs.ts'
import { inventName } from './names.ts'
import { pageRequest } from './page.ts'
import { fullPodName } from '../live/ps.ts'
import { type BuildShape, countsFor, defaultStructure, scaleRequest } from './structure.ts'
import { buildSummary, configSummary } from '../releases/release.ts'
import { fingerprints, keyBlob } from '../accounts/keys.ts'

const build = (procfile: Record<string, string>, kind: 'image' | 'buildpack' | 'cnb' | 'dockerfile' = 'image') => ({
  procfile,
  sha: kind === 'image' ? '' : 'a'.repeat(40),
  dockerfile: kind === 'dockerfile' ? 'true' : '',
  cnb: kind === 'cnb' ? {} : null,
})

const structureFor = (
  current: Record<string, number>,
  next: BuildShape,
  previous: BuildShape | null,
  removeMissing: boolean,
) => countsFor({ structure: current, removed: {} }, next, previous, { removeMissing, maxProcesses: 100 }).structure

describe('the structure of a build', () => {
  it.each([
    [build({ web: 'x' }), { web: 1 }],
    [build({ web: 'x', worker: 'y' }, 'buildpack'), { web: 1 }],
    [build({}), { cmd: 1 }],
    [build({}, 'dockerfile'), { cmd: 1 }],
    [build({ worker: 'x' }, 'dockerfile'), { cmd: 1 }],
    [build({ worker: 'x' }, 'buildpack'), {}],
    [build({}, 'buildpack'), { web: 1 }],
    [build({ web: 'x', worker: 'y' }, 'cnb'), { web: 1 }],
    [build({ worker: 'x' }, 'cnb'), {}],
  ])('%j starts as %j', (shape, wanted) => expect(defaultStructure(shape)).toEqual(wanted))

  it.each([
    // nothing before
    [{}, build({ web: 'x' }), null, true, { web: 1 }],
    // a type that was scaled to 0 stays there; a new one is not started
    [{ web: 0 }, build({ web: 'x', worker: 'y' }), build({ web: 'x' }), true, { web: 0 }],
    // declared before and not any more
    [{ web: 1, worker: 1 }, build({ web: 'x' }), build({ web: 'x', worker: 'y' }), true, { web: 1, worker: 0 }],
    // the Procfile is gone (contract vector)
    [
      { web: 1, worker: 1 },
      build({}),
      build({ web: 'x', worker: 'y' }, 'buildpack'),
      true,
      { web: 0, worker: 0, cmd: 1 },
    ],
    [{ web: 1, worker: 1 }, build({}), build({ web: 'x', worker: 'y' }), false, { web: 1, worker: 1 }],
    // other buildpacks are not another kind of build
    [{ web: 3 }, build({ web: 'x' }, 'cnb'), build({ web: 'x' }, 'buildpack'), true, { web: 3 }],
    // another kind of build
    [{ cmd: 3 }, build({ web: 'x' }, 'buildpack'), build({}), true, { cmd: 0, web: 1 }],
  ])('%j then %j after %j (remove %s) is %j', (current, next, previous, remove, wanted) =>
    expect(structureFor(current, next, previous, remove)).toEqual(wanted),
  )

  it.each([
    [
      'a type that comes back has its count',
      { web: 3, worker: 2 },
      [{ worker: 'y' }, { web: 'x', worker: 'y' }],
      { web: 3, worker: 2 },
    ],
    [
      'a type that was at 0 stays there',
      { web: 0, worker: 2 },
      [{ worker: 'y' }, { web: 'x', worker: 'y' }],
      { web: 0, worker: 2 },
    ],
    ['over a build without a Procfile', { web: 3, worker: 2 }, [{}, { web: 'x', worker: 'y' }], { web: 3, worker: 2 }],
    ['twice', { web: 3 }, [{ worker: 'y' }, { web: 'x' }, { worker: 'y' }, { web: 'x' }], { web: 3 }],
    ['no more than allowed', { web: 400 }, [{ worker: 'y' }, { web: 'x' }], { web: 100 }],
  ] as const)('%s', (_, structure, procfiles, wanted) => {
    let counts = { structure: { ...structure } as Record<string, number>, removed: {} }
    let previous: BuildShape = build({ web: 'x', worker: 'y' })
    for (const procfile of procfiles) {
      const next = build({ ...procfile })
      counts = { ...countsFor(counts, next, previous, { removeMissing: true, maxProcesses: 100 }) }
      previous = next
    }
    expect(counts.structure).toMatchObject(wanted)
  })

  it('a count of 0 from before counts were remembered starts again', () => {
    const options = { removeMissing: true, maxProcesses: 100 }
    const counts = { structure: { web: 0, worker: 1 }, removed: {} }
    const { structure } = countsFor(
      counts,
      build({ web: 'x', worker: 'y' }, 'buildpack'),
      build({ worker: 'y' }, 'buildpack'),
      options,
    )
    expect(structure).toEqual({ web: 1, worker: 1 })
  })

  it('counts of types that went long ago are not kept for ever', () => {
    const options = { removeMissing: true, maxProcesses: 100 }
    let counts = { structure: {}, removed: {} }
    let previous: BuildShape | null = null
    for (let i = 0; i < 1000; i++) {
      const next = build({ web: 'x', [`job${i}`]: 'y' })
      counts = countsFor(counts, next, previous, options)
      counts = { ...counts, structure: { ...counts.structure, [`job${i}`]: 1 } }
      previous = next
    }
    expect(Object.keys(counts.structure).length).toBeLessThan(210)
    expect(Object.keys(counts.removed).length).toBeLessThan(210)
    expect(counts.structure).toMatchObject({ web: 1, job999: 1 })
  })

  it('takes counts as Deis took them', () => {
    const of = (...types: string[]) => ({
      dockerfile: '',
      sha: 'abc',
      cnb: null,
      procfile: Object.fromEntries(types.map((type) => [type, 'serve'])),
    })
    expect(scaleRequest({ web: '2', cmd: 3.7, worker: true }, of('web', 'worker'), 100)).toEqual({
      web: 2,
      cmd: 3,
      worker: 1,
    })
    for (const bad of ['x', '', '1e3', null, [], {}, Number.NaN, '-1', -1])
      expect(() => scaleRequest({ web: bad }, of('web'), 100)).toThrow('Invalid scaling format')
    expect(() => scaleRequest({ nope: 1 }, of('worker', 'web'), 100)).toThrow(
      'Container type nope does not exist in application. Its process types: web, worker.',
    )
    expect(() => scaleRequest({ web: 1 }, { ...of(), sha: '' }, 100)).toThrow('Its process types: cmd.')
  })
})

describe('the routable type', () => {
  it.each([
    [{ web: 1 }, 'web'],
    [{ cmd: 1 }, 'cmd'],
    [{ web: 0, cmd: 1 }, 'cmd'],
    [{ web: 0, cmd: 0 }, 'web'],
    [{ worker: 3 }, null],
    [{}, null],
  ])('of %j is %s', (structure, wanted) => expect(routableType(structure)).toBe(wanted))
})

describe('a formation', () => {
  const release: ReleaseParts = {
    app: 'tea',
    version: 7,
    summary: 'ann deployed abc1234',
    created: new Date('2026-01-02T03:04:05.678Z'),
    config: {
      ...emptyConfig,
      values: { A: '1', DEIS_APP: 'mine' },
      healthcheck: { 'web/cmd': { livenessProbe: { tcpSocket: { port: 80 } } } },
    },
    build: {
      image: `sha256:${'0'.repeat(64)}`,
      reference: null,
      sha: 'abc',
      dockerfile: '',
      procfile: { web: 'node .', worker: 'node w' },
      port: null,
      cnb: null,
    },
  }
  const defaults = {
    deployTimeoutSeconds: 120,
    graceSeconds: 30,
    deployBatches: 0,
    historyLimit: null,
    pullPolicy: 'IfNotPresent',
  } as const
  const open = { routable: true, autoscale: {} }

  it('gives platform variables, and the user’s win', () => {
    expect(environment(release)).toEqual({
      DEIS_APP: 'mine',
      WORKFLOW_RELEASE: 'v7',
      WORKFLOW_RELEASE_SUMMARY: 'ann deployed abc1234',
      WORKFLOW_RELEASE_CREATED_AT: '2026-01-02T03:04:05Z',
      PORT: '5000',
      SOURCE_VERSION: 'abc',
      A: '1',
    })
  })

  it('reads everything from the release', () => {
    const made = formation(release, { web: 2, worker: 0, old: 0 }, open, defaults)
    expect(made).toMatchObject({
      app: 'tea',
      release: 7,
      routable: 'web',
      deployTimeoutSeconds: 120,
      artifact: { kind: 'slug' },
    })
    expect(made.processes).toEqual({
      web: { command: 'node .', replicas: 2, graceSeconds: 30, livenessProbe: { tcpSocket: { port: 80 } } },
      worker: { command: 'node w', replicas: 0, graceSeconds: 30 },
    })
    expect(formation(release, { web: 1 }, { ...open, routable: false }, defaults).routable).toBeNull()
  })

  it('leaves to an image of Cloud Native Buildpacks how its own types start', () => {
    const cnb = { builder: 'b', runImage: 'r', runReference: 'r@sha256:0', buildpacks: [], procfileTypes: ['worker'] }
    const image = { image: 'r.test/tea@sha256:1', reference: 'r.test/tea@sha256:1' }
    const built: ReleaseParts = { ...release, build: { ...release.build, ...image, cnb } }
    const made = formation(built, { web: 1, worker: 1 }, open, defaults)
    expect(made).toMatchObject({
      artifact: { kind: 'image', reference: 'r.test/tea@sha256:1', launcher: 'cnb' },
      port: 5000,
      env: { PORT: '5000' },
      processes: { web: { command: null }, worker: { command: 'node w' } },
    })
    expect(() => formation(built, { clock: 1 }, open, defaults)).toThrow('No command for process type clock')
  })

  it('takes an app’s own timeouts, and says which one is wrong', () => {
    const config = {
      ...release.config,
      values: { DEIS_DEPLOY_TIMEOUT: '5', KUBERNETES_POD_TERMINATION_GRACE_PERIOD_SECONDS: '1' },
    }
    expect(formation({ ...release, config }, { web: 1 }, open, defaults)).toMatchObject({
      deployTimeoutSeconds: 5,
      processes: { web: { graceSeconds: 1 } },
    })
    expect(() =>
      formation(
        { ...release, config: { ...config, values: { DEIS_DEPLOY_TIMEOUT: 'soon' } } },
        { web: 1 },
        open,
        defaults,
      ),
    ).toThrow('DEIS_DEPLOY_TIMEOUT must be a whole number')
  })

  it('refuses a slug’s type without a command', () =>
    expect(() => formation(release, { web: 1, clock: 1 }, open, defaults)).toThrow('No command for process type clock'))
})

describe('HEALTHCHECK_URL', () => {
  const old = { HEALTHCHECK_URL: 'healthz', HEALTHCHECK_TIMEOUT: '7', HEALTHCHECK_SUCCESS_THRESHOLD: '2', PORT: '80' }
  const httpGet = { path: '/healthz' }
  const probe = { initialDelaySeconds: 50, timeoutSeconds: 7, periodSeconds: 10, failureThreshold: 3 }
  it('and what goes with it become probes and are variables no more', () => {
    expect(mergeConfig(emptyConfig, { values: old })).toEqual({
      ...emptyConfig,
      values: { PORT: '80' },
      healthcheck: {
        'web/cmd': {
          livenessProbe: { httpGet, ...probe, successThreshold: 1 },
          readinessProbe: { httpGet, ...probe, successThreshold: 2 },
        },
      },
    })
  })

  it('takes along what was set before it', () => {
    const first = mergeConfig(emptyConfig, { values: { HEALTHCHECK_PERIOD_SECONDS: 3 } })
    expect(first.values).toEqual({ HEALTHCHECK_PERIOD_SECONDS: '3' })
    const then = mergeConfig(first, { values: { HEALTHCHECK_URL: '/up' } })
    expect(then).toMatchObject({ values: {}, healthcheck: { 'web/cmd': { readinessProbe: { periodSeconds: 3 } } } })
    expect(Object.keys(then.values)).toEqual([])
  })

  it('asks where the app listens', () => {
    const config = mergeConfig(emptyConfig, { values: { HEALTHCHECK_URL: '/up' } })
    const release: ReleaseParts = {
      app: 'tea',
      version: 2,
      summary: '',
      created: new Date(0),
      config,
      build: {
        image: 'acme/api',
        reference: null,
        sha: '',
        dockerfile: '',
        procfile: { web: 'x' },
        port: 8080,
        cnb: null,
      },
    }
    const defaults = {
      deployTimeoutSeconds: 1,
      graceSeconds: 1,
      deployBatches: 0,
      historyLimit: null,
      pullPolicy: 'Always',
    } as const
    const made = (parts: ReleaseParts) =>
      formation(parts, { web: 1 }, { routable: true, autoscale: {} }, defaults).processes.web?.readinessProbe?.httpGet
    expect(made(release)).toEqual({ path: '/up', port: 8080 })
    expect(made({ ...release, config: { ...config, values: { PORT: '90' } } })).toEqual({ path: '/up', port: 90 })
  })
})

describe('summaries', () => {
  const before = { ...emptyConfig, values: { A: '1', B: '2' }, tags: { disk: 'ssd' } }
  it.each([
    [{ ...before, values: { A: '1', B: '3', D: '4', C: '5' } }, 'ann added C, D, changed B'],
    [{ ...before, values: { A: '1' } }, 'ann deleted B'],
    [{ ...before, values: { A: '1', B: '2', FOO: 'x' }, tags: {} }, 'ann added FOO and ann deleted tag disk'],
    [{ ...before, memory: { web: '1G' }, cpu: { web: '1' } }, 'ann changed limits for memory, cpu'],
    [{ ...before, registry: { username: 'x' } }, 'ann added registry info username'],
    [{ ...before, healthcheck: { '': {}, web: {} } }, 'ann added healthcheck info for proc type default, web'],
    [before, ''],
  ])('%#', (after, wanted) => expect(configSummary('ann', before, after)).toBe(wanted))

  it('names a build by commit or image', () => {
    expect(buildSummary('ann', { sha: 'abc1234567', image: 'x' })).toBe('ann deployed abc1234')
    expect(buildSummary('ann', { sha: '', image: 'acme/api:1' })).toBe('ann deployed acme/api:1')
  })
})

describe('config', () => {
  it('changes nothing of the base, and reports all bad maps at once', () => {
    const base = { ...emptyConfig, values: { A: '1' } }
    expect(mergeConfig(base, { values: { B: 'x', A: null } }).values).toEqual({ B: 'x' })
    expect(base.values).toEqual({ A: '1' })
    expect(() => mergeConfig(base, { values: { '!': '' }, cpu: { web: 'x' } })).toThrow(
      expect.objectContaining({ fields: { values: [expect.any(String)], cpu: [expect.any(String)] } }) as Error,
    )
    const named = mergeConfig(base, { registry: { USERNAME: 'x' } })
    expect(named.registry).toEqual({ username: 'x' })
    expect(() => refuseWithoutPort(named)).toThrow('PORT needs to be set')
    expect(() => refuseWithoutPort({ ...named, values: { PORT: '1' } })).not.toThrow()
  })
  it.each(['__proto__', 'constructor', 'toString'])('treats the key %s as any other', (key) => {
    expect(mergeConfig(emptyConfig, { values: JSON.parse(`{"${key}":"1"}`) as object }).values).toEqual(
      JSON.parse(`{"${key}":"1"}`),
    )
    expect(() => mergeConfig(emptyConfig, { values: JSON.parse(`{"${key}":null}`) as object })).toThrow(
      `${key} does not exist under values`,
    )
  })
})

describe('small rules', () => {
  it('invents names that are app names', () => {
    for (const n of [0, 0.5, 0.999_999]) expect(inventName(() => n)).toMatch(/^[a-z]+-[a-z]+$/)
  })
  it.each([
    [{}, 100, 0],
    [{ limit: '5', offset: '10' }, 5, 10],
    [{ limit: '0' }, 100, 0],
    [{ limit: '-3', offset: '-1' }, 100, 0],
    [{ limit: 'x', offset: '1e9' }, 100, 0],
    [{ limit: '99999999' }, 10_000, 0],
  ])('the page %j', (query, limit, offset) => expect(pageRequest(query)).toEqual({ limit, offset }))
  it.each([
    [undefined, 100],
    ['5', 5],
    ['0', 0],
    ['-1', 100],
    ['abc', 100],
    ['5;ls', 100],
  ])('log_lines=%s', (raw, wanted) => expect(lineCount(raw)).toBe(wanted))
  it('completes short pod names', () => {
    expect(fullPodName('tea', 'web-123-abcde')).toBe('tea-web-123-abcde')
    expect(fullPodName('tea', 'tea-web-1234567890-abcde')).toBe('tea-web-1234567890-abcde')
  })
  it('reads key fingerprints as ssh-keygen prints them', () => {
    const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKwrNnZ5sJvHcRJzqXfQ3rQ0m1mW9l1Xn3b2b3r0s6uV'
    expect(fingerprints(keyBlob(key))).toEqual({
      md5: expect.stringMatching(/^([0-9a-f]{2}:){15}[0-9a-f]{2}$/),
      sha256: expect.stringMatching(/^SHA256:[A-Za-z0-9+/]{43}$/),
    })
  })
})
