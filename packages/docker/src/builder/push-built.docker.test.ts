// Does what the engine builds go to the operator's registry, is only what is there deleted from the engine, and what if it is refused?
import type { Builder } from '@deis/ports/builder'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isEngineThere } from '../scheduler/testbed.ts'
import { type BuilderTestbed, openBuilderTestbed } from './testbed.ts'

const host = process.env.TEST_DOCKER_REGISTRY ?? ''
const busybox = `${host}/busybox:1`
const never = new AbortController().signal

describe.skipIf(!isEngineThere)('with a registry of the operator`s', () => {
  let bed: BuilderTestbed
  let pushing: Builder
  let app: string
  beforeAll(async () => {
    bed = await openBuilderTestbed('dbp')
    pushing = await bed.another({ target: { host, organization: '' } })
    app = `${bed.prefix}app`
  })
  afterAll(async () => {
    await pushing?.forget(app, [])
    await bed?.close()
  })
  const dockerfile = (salt: string): string => `FROM ${busybox}\nRUN echo ${bed.prefix}${salt} > /made\n`
  const built = async (salt: string, by: Builder): Promise<string> => {
    const { result } = await bed.build({ Dockerfile: dockerfile(salt) }, {}, never, by)
    return result.artifact.kind === 'image' ? result.artifact.reference : ''
  }
  const isThere = (image: string): Promise<boolean> =>
    bed.docker('inspect', image).then(
      () => true,
      () => false,
    )

  test('an image has its digest there, and needs the engine no more; one that no registry has stays', async () => {
    const before = await built('before', bed.builder)
    expect(before).toMatch(/^sha256:[0-9a-f]{64}$/)
    const pushed = await built('pushed', pushing)
    expect(pushed).toMatch(new RegExp(`^${host}/${app}@sha256:[0-9a-f]{64}$`))
    await bed.docker('pull', '--quiet', pushed)
    const others = await bed.docker('inspect', '--format', '{{index .RepoDigests 0}}', busybox)
    await pushing.prune(new Set([before, pushed]), never)
    expect(await Promise.all([before, pushed, others].map(isThere))).toEqual([true, true, true])
    // No release has it any more; others' images of the same registry are not asked about.
    await pushing.prune(new Set([before]), never)
    expect(await Promise.all([before, pushed, others].map(isThere))).toEqual([true, false, true])
    await bed.docker('pull', '--quiet', pushed)
    expect(await bed.docker('run', '--rm', pushed, 'cat', '/made')).toBe(`${bed.prefix}pushed`)
  })

  test('one that does not answer, or refuses, is named with the reason and with what to do', async () => {
    const failing = async (target: string): Promise<string> => {
      const by = await bed.another({ target: { host: target, organization: '' } })
      return built(`for ${target}`, by).catch((error: Error) => `${error.name}: ${error.message}`)
    }
    const away = await failing('127.0.0.1:1')
    expect(away).toMatch(
      /^BuildFailure: The image could not be pushed to the registry 127\.0\.0\.1:1: .*connection refused/,
    )
    expect(away).toMatch(/\. Try again; deis doctor shows how the registry is\.$/)
    // That which the platform runs asks for a password.
    const refused = await failing(bed.host)
    expect(refused).toContain(`The image could not be pushed to the registry ${bed.host}: `)
    expect(refused).toMatch(/\. Have an administrator check DEIS_REGISTRY_USERNAME and DEIS_REGISTRY_PASSWORD/)
    expect(await bed.docker('images', '--quiet', `127.0.0.1:1/${app}`)).toBe('')
  })
})
