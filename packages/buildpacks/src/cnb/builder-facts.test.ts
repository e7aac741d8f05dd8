// Which images are taken for builders, and what is read of them?
import { describe, expect, test } from 'vitest'
import { builderFacts, platformApis } from './builder-facts.ts'
import { builderImage, metadata, testFacts, withApis } from './testing.ts'

const read = (changes: Readonly<Record<string, unknown>>, env?: readonly string[]) =>
  builderFacts('heroku/builder:24', builderImage(changes, env))

describe('a builder', () => {
  test('all of it', () => {
    expect(testFacts()).toEqual({
      name: 'heroku/builder:24',
      image: `heroku/builder@sha256:${'1'.repeat(64)}`,
      api: '0.13',
      uid: 1001,
      gid: 1002,
      runImage: { image: 'heroku/heroku:24', mirrors: ['public.example.com/heroku/heroku:24'] },
      buildpacks: [
        { id: 'heroku/nodejs', version: '5.7.6' },
        { id: 'heroku/procfile', version: '4.2.1' },
      ],
      order: [
        [
          { id: 'heroku/nodejs', version: '5.7.6', optional: false },
          { id: 'heroku/procfile', version: '4.2.1', optional: true },
        ],
      ],
    })
  })

  test.each([
    [['0.7', '0.13', '0.12'], '0.13'],
    [['0.12'], '0.12'],
    [['0.15', '0.14'], '0.14'],
    [['0.15'], '0.15'],
  ])('with the Platform APIs %j is driven by %s', (supported, api) => {
    expect(read(withApis(supported)).api).toBe(api)
  })

  test('an old one names its one Platform API and its run image elsewhere', () => {
    const { images: _, ...rest } = metadata
    const old = { ...rest, lifecycle: { version: '0.17.0', api: { buildpack: '0.7', platform: '0.12' } } }
    const facts = read({ 'io.buildpacks.builder.metadata': old })
    expect(facts).toMatchObject({ api: '0.12', runImage: { image: 'heroku/heroku:24', mirrors: [] } })
  })

  test.each([
    [
      'no label',
      { 'io.buildpacks.builder.metadata': null },
      'it is not an image of Cloud Native Buildpacks that can be read',
    ],
    [
      'no JSON',
      { 'io.buildpacks.builder.metadata': '{' },
      'it is not an image of Cloud Native Buildpacks that can be read',
    ],
    [
      'another form',
      { 'io.buildpacks.builder.metadata': { ...metadata, buildpacks: 'all' } },
      'it is not an image of Cloud Native Buildpacks that can be read',
    ],
    [
      'too much',
      { 'io.buildpacks.builder.metadata': { ...metadata, description: 'x'.repeat(3_000_000) } },
      'it is not an image of Cloud Native Buildpacks that can be read',
    ],
    [
      'no common Platform API',
      withApis(['0.3', '0.99']),
      `it has the Platform APIs 0.3, 0.99, and the platform has ${platformApis.join(', ')}`,
    ],
    ['extensions', { 'io.buildpacks.buildpack.order-extensions': [{ group: [] }] }, 'it has image extensions'],
    [
      'no run image',
      { 'io.buildpacks.builder.metadata': { ...metadata, images: [], stack: {} } },
      'it names no image for apps to run on',
    ],
  ])('is refused: %s', (_, changes, why) => {
    expect(() => read(changes)).toThrow(`The platform cannot build with the builder heroku/builder:24: ${why}`)
  })

  test.each([[['CNB_USER_ID=1000']], [['CNB_USER_ID=0', 'CNB_GROUP_ID=1000']], [['CNB_USER_ID=me', 'CNB_GROUP_ID=1']]])(
    'is refused without its user and group: %j',
    (env) => {
      expect(() => read({}, env)).toThrow('CNB_USER_ID and CNB_GROUP_ID')
    },
  )
})
