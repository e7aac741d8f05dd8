// Does every step of a build see what it needs and nothing else?
import { parse } from 'smol-toml'
import { describe, expect, test } from 'vitest'
import { cnbPlan, folders, type PlanRequest, type PlanSettings, type Step } from './plan.ts'
import { readProject } from './project-toml.ts'
import { mirrored, withoutTag } from './reference.ts'
import { registryAuth } from './registry-auth.ts'
import { reportedDigest } from './report.ts'
import { testFacts, withApis } from './testing.ts'

const digest = `sha256:${'2'.repeat(64)}`
const request: PlanRequest = {
  app: 'shop',
  sha: 'abc',
  config: {},
  noCache: false,
  image: 'registry.example.com:5000/apps/shop:git-1',
  project: null,
}
const settings: PlanSettings = { lifecycleImage: null, insecure: [], mirrors: {}, env: {}, cache: 'volume' }
const plan = (
  more: Partial<PlanRequest> = {},
  set: Partial<PlanSettings> = {},
  facts: Readonly<Record<string, unknown>> = {},
) => cnbPlan(testFacts(facts), { ...request, ...more }, { ...settings, ...set })
const commandsOf = ({ steps }: { readonly steps: readonly Step[] }) => steps.map(({ command }) => command.join(' '))

describe('the plan', () => {
  test('five phases', () => {
    const { image } = request
    expect(commandsOf(plan())).toEqual([
      `/cnb/lifecycle/analyzer -no-color -layers /layers -run-image heroku/heroku:24 ${image}`,
      '/cnb/lifecycle/detector -no-color -app /workspace -layers /layers -platform /platform',
      '/cnb/lifecycle/restorer -no-color -layers /layers -cache-dir /cache',
      '/cnb/lifecycle/builder -no-color -app /workspace -layers /layers -platform /platform',
      `/cnb/lifecycle/exporter -no-color -app /workspace -layers /layers -cache-dir /cache -report /layers/report.toml ${image}`,
    ])
    expect(plan()).toMatchObject({
      uid: 1001,
      gid: 1002,
      image,
      runImage: 'heroku/heroku:24',
      report: '/layers/report.toml',
    })
  })

  const variants: [string, Partial<PlanRequest>, Partial<PlanSettings>, Readonly<Record<string, unknown>>][] = [
    ['plain', {}, {}, {}],
    ['without a cache', { noCache: true }, { cache: null }, {}],
    ['a cache on the registry', {}, { cache: { image: 'registry.example.com:5000/apps/shop/cnb:1' } }, {}],
    ['an image for the lifecycle', { config: { A: '1' } }, { lifecycleImage: 'example.com/lifecycle:1' }, {}],
    ['an old builder', {}, {}, withApis(['0.12'])],
    ['a new builder', {}, { env: { HTTPS_PROXY: 'http://proxy', npm_config_registry: 'x' } }, withApis(['0.15'])],
  ]
  test.each(variants)('credentials and the code of users never meet: %s', (_, more, set, facts) => {
    const { steps, uid } = plan(more, set, facts)
    expect(uid).not.toBe(0)
    for (const { phase, credentials, mounts, image, env, network } of steps) {
      const runsBuildpacks = phase === 'detect' || phase === 'build'
      if (runsBuildpacks) expect({ credentials, network }).toEqual({ credentials: false, network: 'build' })
      expect(mounts.includes('platform')).toBe(runsBuildpacks)
      if (runsBuildpacks) expect(image).toBe(testFacts(facts).image)
      if (runsBuildpacks) expect(mounts).not.toContain('cache')
      expect(Object.keys(env).filter((name) => name === 'CNB_REGISTRY_AUTH')).toEqual([])
      if (credentials) expect(env).toMatchObject({ CNB_USER_ID: '1001', CNB_GROUP_ID: '1002' })
    }
    expect(steps[0]?.command).toContain('-run-image')
  })

  test('a cache on the registry is written and read with credentials', () => {
    const cached = plan({}, { cache: { image: 'registry.example.com:5000/apps/shop/cnb:1' } })
    const flag = '-cache-image registry.example.com:5000/apps/shop/cnb:1'
    expect(commandsOf(cached).map((command) => command.includes(flag))).toEqual([true, false, true, false, true])
    expect(cached.steps.map(({ credentials }) => credentials)).toEqual([true, false, true, false, true])
    expect(cached.steps.flatMap(({ mounts }) => mounts)).not.toContain('cache')
  })

  test('the step that restores a folder needs no network; with newer builders it asks for the run image', () => {
    expect(plan().steps[2]).toMatchObject({ credentials: false, network: 'none' })
    expect(plan({}, {}, withApis(['0.14'])).steps[2]).toMatchObject({ credentials: true, network: 'registry' })
  })

  test('without the cache nothing of earlier builds is used', () => {
    const previous = `registry.example.com:5000/apps/shop@${digest}`
    const [analyzer, , restorer] = commandsOf(plan({ noCache: true, previous }))
    expect(analyzer).toContain('-skip-layers')
    expect(analyzer).not.toContain('-previous-image')
    expect(restorer).toContain('-skip-layers')
  })

  test('the image that runs is used again, if it is on the same registry', () => {
    const previous = `registry.example.com:5000/apps/shop@${digest}`
    expect(commandsOf(plan({ previous }))[0]).toContain(`-previous-image ${previous} `)
    expect(commandsOf(plan({ previous: `elsewhere.example.com/x@${digest}` }))[0]).not.toContain('-previous-image')
  })

  test('plain HTTP only where it is spoken, and only from Platform API 0.13', () => {
    const insecure = ['registry.example.com:5000', 'unused.example.com']
    const flags = commandsOf(plan({}, { insecure })).map((command) =>
      command.includes('-insecure-registry registry.example.com:5000'),
    )
    expect(flags).toEqual([true, false, false, false, true])
    expect(commandsOf(plan({}, { insecure })).join(' ')).not.toContain('unused')
    expect(() => plan({}, { insecure }, withApis(['0.12']))).toThrow(
      'The builder heroku/builder:24 is too old for the registry registry.example.com:5000, which is reached by plain HTTP: it has Platform API 0.12, and 0.13 is needed.',
    )
    const near = { image: '10.1.2.3:5000/apps/shop:1' }
    expect(commandsOf(plan(near, { insecure: ['10.1.2.3:5000'] }, withApis(['0.12']))).join(' ')).not.toContain(
      '-insecure-registry',
    )
  })

  test('the run image is taken from the registry that the app goes to, else from a mirror', () => {
    const near = plan({ image: 'public.example.com/apps/shop:1' })
    expect(commandsOf(near)[0]).toContain('-run-image public.example.com/heroku/heroku:24')
    expect(near.runImage).toBe('heroku/heroku:24')
    const far = plan({}, { mirrors: { 'docker.io': 'mirror.example.com/hub' } })
    expect(commandsOf(far)[0]).toContain('-run-image mirror.example.com/hub/heroku/heroku:24')
  })

  test('the report may go elsewhere', () => {
    expect(commandsOf(plan({}, { report: '/dev/termination-log' }))[4]).toContain('-report /dev/termination-log')
  })
})

describe('the files of a plan', () => {
  test('config as it is, but what would steer the build itself', () => {
    const config = {
      SECRET: 'a\nb\n',
      PORT: '5000',
      PATH: '/x',
      HOME: '/x',
      LD_PRELOAD: 'x',
      CNB_PLATFORM_API: '9',
      'not-a-name': 'x',
      npm_config_registry: 'mine',
    }
    const project = readProject(
      '[_]\nschema-version="0.2"\n[[io.buildpacks.build.env]]\nname="BP_X"\nvalue="1"\n[[io.buildpacks.build.env]]\nname="SECRET"\nvalue="2"',
    )
    const { files, kept, steps } = plan(
      { config, project },
      { env: { npm_config_registry: 'platform', no_proxy: '*' } },
    )
    expect(Object.fromEntries(Object.entries(files).filter(([path]) => path.startsWith(folders.platform)))).toEqual({
      '/platform/env/SECRET': 'a\nb\n',
      '/platform/env/BP_X': '1',
      '/platform/env/npm_config_registry': 'mine',
    })
    expect(kept).toEqual(['PORT', 'PATH', 'HOME', 'LD_PRELOAD', 'CNB_PLATFORM_API', 'not-a-name'])
    expect(steps.map(({ env }) => env.no_proxy)).toEqual(['*', '*', '*', '*', '*'])
    expect(() => plan({ config: { BAD: 'a\0b' } })).toThrow('The config variable BAD contains a null byte')
  })

  test('where the source comes from', () => {
    expect(parse(plan().files['/layers/project-metadata.toml'] ?? '')).toEqual({
      source: { type: 'git', version: { commit: 'abc' }, metadata: { repository: 'git:shop', revision: 'abc' } },
    })
  })

  const orderOf = (more: Partial<PlanRequest>) => {
    const text = plan(more).files['/layers/order.toml']
    return text === undefined ? null : parse(text).order
  }
  test('buildpacks by name have the version of the builder', () => {
    expect(orderOf({})).toBeNull()
    expect(orderOf({ buildpacks: [] })).toBeNull()
    expect(orderOf({ buildpacks: ['heroku/procfile', 'heroku/nodejs@5.7.6'] })).toEqual([
      {
        group: [
          { id: 'heroku/procfile', version: '4.2.1' },
          { id: 'heroku/nodejs', version: '5.7.6' },
        ],
      },
    ])
    expect(() => orderOf({ buildpacks: ['heroku/cobol'] })).toThrow(
      'The buildpack "heroku/cobol" is not in the builder heroku/builder:24, which has heroku/nodejs, heroku/procfile.',
    )
    expect(() => orderOf({ buildpacks: ['heroku/nodejs@1.0.0'] })).toThrow('which has it in version 5.7.6.')
  })

  test('project.toml names them, unless the app does', () => {
    const project = readProject('[_]\nschema-version="0.2"\n[[io.buildpacks.group]]\nuri="heroku/procfile"')
    expect(orderOf({ project })).toEqual([{ group: [{ id: 'heroku/procfile', version: '4.2.1' }] }])
    expect(orderOf({ project, buildpacks: ['heroku/nodejs'] })).toEqual([
      { group: [{ id: 'heroku/nodejs', version: '5.7.6' }] },
    ])
    const around = readProject('[_]\nschema-version="0.3"\n[[io.buildpacks.pre.group]]\nid="heroku/procfile"')
    expect(orderOf({ project: around })).toEqual([
      {
        group: [
          { id: 'heroku/procfile', version: '4.2.1' },
          { id: 'heroku/nodejs', version: '5.7.6' },
          { id: 'heroku/procfile', version: '4.2.1', optional: true },
        ],
      },
    ])
  })
})

test.each([
  ['busybox', 'm.example.com/hub/library/busybox'],
  ['heroku/heroku:24', 'm.example.com/hub/heroku/heroku:24'],
  ['docker.io/heroku/heroku:24', 'm.example.com/hub/heroku/heroku:24'],
  ['quay.example.com/a/b:1', 'quay.example.com/a/b:1'],
])('the mirror of %s', (image, expected) => {
  expect(mirrored(image, { 'docker.io': 'm.example.com/hub/' })).toBe(expected)
})

test('a name without tag and digest', () => {
  expect([`h:5000/a/b`, 'h:5000/a/b:1', `a/b:1@${digest}`].map(withoutTag)).toEqual(['h:5000/a/b', 'h:5000/a/b', 'a/b'])
})

test('credentials in the form that the phases take', () => {
  expect(registryAuth({})).toBeNull()
  const ann = { username: 'ann', password: 'tea' }
  expect(JSON.parse(registryAuth({ 'docker.io': ann, 'r.example.com:5000': ann }) ?? '')).toEqual({
    'index.docker.io': 'Basic YW5uOnRlYQ==',
    'r.example.com:5000': 'Basic YW5uOnRlYQ==',
  })
})

test.each([
  [`[image]\ntags = ["a"]\ndigest = "${digest}"\nmanifest-size = 3\n`, digest],
  ['[image]\nimage-id = "x"\n', null],
  ['[image]\ndigest = "sha256:x"\n', null],
  ['no toml', null],
  ['', null],
])('the report %j', (text, expected) => {
  expect(reportedDigest(text)).toBe(expected)
})
