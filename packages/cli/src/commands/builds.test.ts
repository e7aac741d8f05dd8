// Do the commands for builds send, print and exit as in the contract?
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { deis, homeOf, type Replies, startController, temporaryFolder } from '../testbed.ts'

const build = { uuid: 'u1', created: '2026-01-02T03:04:05Z', status: 'failed' }
const page = (...results: unknown[]) => ({ count: results.length, next: null, previous: null, results })

async function against(replies: Replies) {
  const controller = await startController(replies)
  return { controller, home: homeOf(controller) }
}

test.each([
  [[], '?limit=100', 'u1 2026-01-02T03:04:05Z'],
  [['--all', '-l', '3'], '?all=1&limit=3', 'u1 2026-01-02T03:04:05Z failed'],
])('builds:list %j', async (flags, query, line) => {
  const { home } = await against({ [`GET /v2/apps/foo/builds/${query}`]: { json: page(build) } })
  expect(await deis(['builds', '-a', 'foo', ...flags], { home })).toMatchObject({
    code: 0,
    stdout: `=== foo Builds\n${line}\n`,
  })
})

test.each([
  ['failed', 'deploy failed'],
  ['pending', 'deploying'],
])('a build whose release is %s', async (state, outcome) => {
  const json = page({ ...build, status: 'succeeded', release: { version: 3, state } })
  const { home } = await against({ 'GET /v2/apps/foo/builds/?limit=100': { json } })
  const { stdout } = await deis(['builds', '-a', 'foo'], { home })
  expect(stdout).toBe(`=== foo Builds\nu1 2026-01-02T03:04:05Z ${outcome}\n`)
})

describe('builds:info', () => {
  const cnb = {
    builder: 'heroku/builder:24',
    run_image: 'heroku/heroku:24',
    run_reference: 'heroku/heroku@sha256:a',
    buildpacks: [
      { id: 'heroku/nodejs', version: '5.7.6' },
      { id: 'heroku/procfile', version: '4.2.0' },
    ],
  }
  const made = {
    ...build,
    status: 'succeeded',
    owner: 'bob',
    image: 'x/y@sha256:b',
    sha: 'abcd1234',
    dockerfile: '',
    source: 'git',
    updated: build.created,
  }
  const lines = (status: string, by: string, sha = 'commit:    abcd1234\n'): string =>
    `=== foo Build\nuuid:      u1\nstatus:    ${status}\n${sha}${by}image:     x/y@sha256:b\nowner:     bob\ncreated:   2026-01-02T03:04:05Z\nupdated:   2026-01-02T03:04:05Z\n`

  test.each([
    [
      { ...made, cnb },
      lines(
        'succeeded',
        'built by:  Cloud Native Buildpacks, heroku/builder:24\nbuildpack: heroku/nodejs 5.7.6\nbuildpack: heroku/procfile 4.2.0\nrun image: heroku/heroku:24 (heroku/heroku@sha256:a)\n',
      ),
    ],
    [{ ...made, dockerfile: 'true' }, lines('succeeded', 'built by:  Dockerfile\n')],
    [made, lines('succeeded', 'built by:  classic buildpacks\n')],
    [{ ...made, status: 'failed' }, lines('failed', '')],
    [
      {
        ...made,
        release: { version: 3, state: 'failed', exception: 'error: web exited with code 1:\n  no such table\n' },
      },
      `${lines('deploy failed', 'built by:  classic buildpacks\n').replace('commit:', 'release:   v3\ncommit:')}\nv3 was not deployed: web exited with code 1:\n  no such table\n`,
    ],
    [{ ...made, source: 'pull', sha: '' }, lines('succeeded', 'built by:  others: the image was pulled\n', '')],
  ])('of %j', async (json, stdout) => {
    const { home } = await against({ 'GET /v2/apps/foo/builds/u1/': { json } })
    expect(await deis(['builds:info', 'u1', '-a', 'foo'], { home })).toMatchObject({ code: 0, stdout })
  })

  test('of the build that runs', async () => {
    const releases = page({ failed: true, build: 'u2' }, { failed: false, build: 'u1' }, { failed: false, build: null })
    const { home } = await against({
      'GET /v2/apps/foo/releases/?limit=100': { json: releases },
      'GET /v2/apps/foo/builds/u1/': { json: made },
    })
    expect(await deis(['builds:info', '-a', 'foo'], { home })).toMatchObject({ code: 0 })
  })

  test('says when nothing was deployed yet', async () => {
    const { home } = await against({
      'GET /v2/apps/foo/releases/?limit=100': { json: page({ failed: false, build: null }) },
    })
    const { code, stderr } = await deis(['builds:info', '-a', 'foo'], { home })
    expect([code, stderr]).toEqual([expect.any(Number), expect.stringContaining('"foo" runs no build yet.')])
  })
})

describe('builds:sbom', () => {
  const one = { buildpack: 'test/node', layer: null, text: '{\n  "a": 1\n}' }
  const two = { buildpack: 'test/node', layer: 'deps', text: '{"b":2}' }

  test.each([
    [['u1'], '?format=cyclonedx', [one], '{\n  "a": 1\n}\n', ''],
    [
      ['u1', '--format', 'spdx'],
      '?format=spdx',
      [one, two],
      '{\n  "a": 1\n}\n{"b":2}\n',
      '2 documents: test/node, test/node (layer deps)\n',
    ],
  ])('%j', async (args, query, documents, stdout, stderr) => {
    const { home } = await against({
      [`GET /v2/apps/foo/builds/u1/sbom/${query}`]: { json: { format: 'x', documents } },
    })
    expect(await deis(['builds:sbom', ...args, '-a', 'foo'], { home })).toMatchObject({ code: 0, stdout, stderr })
  })

  test('of the build that runs', async () => {
    const { home } = await against({
      'GET /v2/apps/foo/releases/?limit=100': { json: page({ failed: false, build: 'u1' }) },
      'GET /v2/apps/foo/builds/u1/sbom/?format=cyclonedx': { json: { format: 'x', documents: [two] } },
    })
    expect(await deis(['builds:sbom', '-a', 'foo'], { home })).toMatchObject({ code: 0, stdout: '{"b":2}\n' })
  })

  test('another format is refused before any request', async () => {
    const { home, controller } = await against({})
    expect(await deis(['builds:sbom', 'u1', '-a', 'foo', '--format', 'xml'], { home })).toMatchObject({ code: 1 })
    expect(controller.requests).toEqual([])
  })
})

describe('builds:create', () => {
  const created: Replies = { 'POST /v2/apps/foo/builds/': { status: 201, json: build } }

  test.each([
    [[], null, '{"image":"x/y:1"}'],
    [[], 'web: npm start\nport: 8080\n', '{"image":"x/y:1","procfile":{"web":"npm start","port":"8080"}}'],
    [['-p', 'web: yes'], 'web: other', '{"image":"x/y:1","procfile":{"web":"yes"}}'],
    [['--procfile={web: a, worker: b}'], null, '{"image":"x/y:1","procfile":{"web":"a","worker":"b"}}'],
  ])('%j with Procfile %j', async (flags, procfile, body) => {
    const { home, controller } = await against(created)
    const cwd = temporaryFolder()
    if (procfile !== null) writeFileSync(join(cwd, 'Procfile'), procfile)
    expect(await deis(['pull', 'x/y:1', '-a', 'foo', ...flags], { home, cwd })).toMatchObject({
      code: 0,
      stdout: 'Creating build... done\n',
    })
    expect(controller.requests).toEqual([`POST /v2/apps/foo/builds/ ${body}`])
  })

  test('notes that the Procfile of the folder is used', async () => {
    const { home } = await against(created)
    const cwd = temporaryFolder()
    writeFileSync(join(cwd, 'Procfile'), 'web: x')
    const { stderr } = await deis(['pull', 'x', '-a', 'foo'], { home, cwd })
    expect(stderr).toBe('Using the Procfile of this folder.\n')
  })

  test.each(['just text', '- a\n- b', 'web:\n  a: b', 'web:', '{', 'web: a\nweb: b'])(
    'the Procfile %j is refused before any request',
    async (procfile) => {
      const { home, controller } = await against(created)
      const { code, stdout, stderr } = await deis(['pull', 'x', '-a', 'foo', '-p', procfile], { home })
      expect({ code, stdout, requests: controller.requests }).toEqual({ code: 1, stdout: '', requests: [] })
      expect(stderr).toMatch(/^Error: --procfile is not a valid Procfile: /)
    },
  )
})

describe('builds:logs', () => {
  const log: Replies = { 'GET /v2/apps/foo/builds/u1/logs/': { text: '-----> building\nfailed' } }

  test.each([
    ['the one named', ['u1'], 1],
    ['the newest', [], 2],
  ])('%s', async (_, words, requests) => {
    const { home, controller } = await against({
      ...log,
      'GET /v2/apps/foo/builds/?all=1&limit=1': { json: page(build) },
    })
    expect(await deis(['builds:logs', ...words, '-a', 'foo'], { home })).toMatchObject({
      code: 0,
      stdout: '-----> building\nfailed',
    })
    expect(controller.requests).toHaveLength(requests)
  })

  test('none yet', async () => {
    const { home } = await against({ 'GET /v2/apps/foo/builds/?all=1&limit=1': { json: page() } })
    expect(await deis(['builds:logs', '-a', 'foo'], { home })).toMatchObject({
      code: 1,
      stderr: 'Error: "foo" has no builds yet.\nDeploy with `git push deis master`.\n',
    })
  })
})
