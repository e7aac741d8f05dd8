// Does the platform's registry answer only the platform, whoever builds what, also one from before it had a password?
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { imageTag } from '@deis/container/image-names'
import { BuildFailure, type Builder } from '@deis/ports/builder'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openEngine } from '../engine/engine.ts'
import { pullImage } from '../engine/pull.ts'
import { platformLabel } from '../labels.ts'
import { isEngineThere } from '../scheduler/testbed.ts'
import { registryName } from './names.ts'
import { type BuilderTestbed, openBuilderTestbed } from './testbed.ts'

const busybox = `${process.env.TEST_DOCKER_REGISTRY}/busybox:1`
const never = new AbortController().signal

describe.skipIf(!isEngineThere)('the registry of the platform', () => {
  let bed: BuilderTestbed
  let builders: readonly (readonly [string, Builder])[]
  /** Of another app; the engine has no copy of it. */
  let theirs = ''
  beforeAll(async () => {
    bed = await openBuilderTestbed('drg')
    builders = [
      ['BuildKit', bed.builder],
      ['the classic builder', await bed.another({ dockerfileBuilder: 'classic' })],
    ]
    const { result } = await bed.build({ 'package.json': '{}' }, { app: `${bed.prefix}other` })
    theirs = result.artifact.kind === 'image' ? result.artifact.reference : ''
  })
  afterAll(async () => {
    await bed?.close()
  })
  const statusOf = async (headers: Record<string, string> = {}): Promise<number> =>
    (await fetch(`http://${bed.host}/v2/_catalog`, { headers })).status
  const basic = (password: string) => ({ authorization: `Basic ${Buffer.from(`deis:${password}`).toString('base64')}` })
  const failing = (Dockerfile: string, by: Builder): Promise<string> =>
    bed.build({ Dockerfile }, {}, never, by).then(
      () => 'it was built',
      (error: unknown) => {
        if (!(error instanceof BuildFailure)) throw error
        return error.message
      },
    )

  test('answers those who know its password, which the engine does not show', async () => {
    expect(await Promise.all([statusOf(), statusOf(basic('')), statusOf(basic(bed.password))])).toEqual([401, 401, 200])
    expect(await bed.docker('inspect', registryName(bed.platform))).not.toContain(bed.password)
  })

  test('gives nothing to a Dockerfile', async () => {
    expect(theirs).toMatch(new RegExp(`^${bed.host}/`))
    const list = `http://${bed.host}/v2/_catalog`
    for (const [name, by] of builders) {
      const message = `Dockerfile may not use ${JSON.stringify(theirs)}`
      expect(await failing(`FROM ${theirs}\n`, by), name).toContain(message)
      expect(await failing(`FROM ${busybox}\nCOPY --from=${theirs} / /theirs\n`, by), name).toContain(message)
      expect(await failing(`FROM ${busybox}\nADD ${list} /theirs\n`, by), name).toMatch(/unauthorized|401/i)
    }
  })

  test('the engine does not give a Dockerfile what it has of other apps', async () => {
    const app = `${bed.prefix}third`
    const { result } = await bed.build({ Dockerfile: `FROM ${busybox}\nENV OF=${bed.prefix}\n` }, { app })
    const id = result.artifact.kind === 'image' ? result.artifact.reference : ''
    const tag = (await bed.docker('inspect', '--format', '{{index .RepoTags 0}}', id)).trim()
    expect(tag).toContain(`deis/${app}:b-`)
    const part = id.slice('sha256:'.length, 24)
    for (const [name, by] of builders)
      for (const image of [tag, `docker.io/${tag}`, part]) {
        const Dockerfile = `FROM ${busybox} AS own\nCOPY --from=${image} / /theirs\n`
        expect(await failing(Dockerfile, by), name).toContain(`Dockerfile may not use "${image}"`)
        const split = `ARG REST=${image.slice(2)}\nFROM ${image.slice(0, 2)}$REST\n`
        expect(await failing(split, by), name).toContain(`Dockerfile may not use "${image}"`)
      }
    // What is its own may go on.
    await bed.build({ Dockerfile: `FROM ${tag}\nENV AGAIN=1\n` }, { app })
  })

  test('nor does it by way of what a base image from elsewhere adds to the build', async () => {
    const app = `${bed.prefix}fourth`
    const { result } = await bed.build({ Dockerfile: `FROM ${busybox}\nENV OF=${app}\n` }, { app })
    const id = result.artifact.kind === 'image' ? result.artifact.reference : ''
    const tag = (await bed.docker('inspect', '--format', '{{index .RepoTags 0}}', id)).trim()
    const base = `${process.env.TEST_DOCKER_REGISTRY}/deis-test/${bed.prefix}base:1`
    const folder = await mkdtemp(join(tmpdir(), 'deis-by-hand-'))
    try {
      await writeFile(join(folder, 'Dockerfile'), `FROM ${busybox}\nONBUILD COPY --from=${tag} / /theirs\n`)
      await bed.docker('build', '--tag', base, folder)
      const refused = `ONBUILD of the base image "${base}" may not use "${tag}"`
      // The engine has it, and then the registry alone.
      for (const [name, by] of builders) expect(await failing(`FROM ${base}\n`, by), name).toContain(refused)
      await bed.docker('push', base)
      await bed.docker('rmi', base)
      for (const [name, by] of builders) expect(await failing(`FROM ${base}\n`, by), name).toContain(refused)
    } finally {
      await bed.docker('rmi', base).catch(() => {})
      await rm(folder, { recursive: true })
    }
  })

  test('the operator`s registry gives a Dockerfile no image of another app, but others', async () => {
    const host = process.env.TEST_DOCKER_REGISTRY ?? ''
    const operators = await bed.another({ target: { host, organization: '' } })
    const app = `${bed.prefix}fifth`
    const image = `${host}/${app}:${imageTag({ sha: 'a'.repeat(40), id: app }, new Date())}`
    await bed.docker('tag', busybox, image)
    await bed.docker('push', image)
    await bed.docker('rmi', image)
    expect(await failing(`FROM ${image}\n`, operators)).toContain(`Dockerfile may not use "${image}"`)
    const below = await bed.another({ target: { host, organization: 'deis-test' } })
    const unbuilt = `${host}/deis-test/${app}:1`
    expect(await failing(`FROM ${unbuilt}\n`, below)).toContain(`Dockerfile may not use "${unbuilt}"`)
    await bed.build({ Dockerfile: `FROM ${busybox}\nCMD ["true"]\n` }, {}, never, operators)
  })

  test('its images are pulled, built upon and exported with the password', async () => {
    const engine = await openEngine({ host: process.env.TEST_DOCKER_HOST ?? '', certPath: null }, never)
    try {
      await expect(pullImage(engine, theirs, null, never)).rejects.toThrow(/unauthorized|no basic auth/)
      await pullImage(engine, theirs, { username: 'deis', password: bed.password }, never)
    } finally {
      engine.close()
    }
    const again = await bed.build({ 'package.json': '{}' }, { app: `${bed.prefix}other`, previous: theirs })
    expect(again.output).toContain('Using the dependencies of the last build')
    let bytes = 0
    await bed.builder.images?.read(theirs, async ({ manifest }) => void (bytes = manifest.bytes.length), never)
    expect(bytes).toBeGreaterThan(0)
  })

  test('one without a password gets it when a controller starts, and keeps its images', async () => {
    const name = registryName(bed.platform)
    const network = await bed.docker('inspect', '--format', '{{.HostConfig.NetworkMode}}', name)
    const start = async (...more: string[]): Promise<void> => {
      const labels = ['--label', `${platformLabel}=${bed.platform}`, '--label', 'io.deis.kind=registry']
      const where = ['--publish', `${bed.host}:5000`, '--network', network, '--volume', `${name}:/var/lib/registry`]
      await bed.docker('run', '--detach', '--name', name, ...labels, ...where, ...more, 'deis-test/registry:1')
    }
    await bed.docker('rm', '--force', name)
    await start('--env', 'REGISTRY_STORAGE_DELETE_ENABLED=true')
    await expect.poll(() => statusOf().catch(() => 0), { timeout: 20_000 }).toBe(200)
    await (await bed.another({})).recover()
    expect(await statusOf()).toBe(401)
    expect((await bed.registry.inspect(theirs, null, AbortSignal.timeout(10_000))).reference).toBe(theirs)
    expect(bed.logged.join()).not.toContain('registry')
  })
})
