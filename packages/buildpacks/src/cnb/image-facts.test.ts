// What is read of a built image, and which of its processes are used?
import { describe, expect, test } from 'vitest'
import { builtImage, displayText } from './image-facts.ts'
import { processTypes, readsProcfiles } from './processes.ts'

const reference = `r.example.com/shop@sha256:${'3'.repeat(64)}`
const lifecycle = { runImage: { reference: `heroku/heroku@sha256:${'4'.repeat(64)}`, topLayer: 'x' } }
const image = (build: object) =>
  builtImage({
    reference,
    labels: {
      'io.buildpacks.build.metadata': JSON.stringify(build),
      'io.buildpacks.lifecycle.metadata': JSON.stringify(lifecycle),
    },
  })

describe('a built image', () => {
  test('all of it', () => {
    expect(
      image({
        processes: [
          { type: 'web', command: ['bash', '-c'], args: ['node server.js --port $PORT'], direct: true },
          { type: 'worker', command: 'rake jobs', args: null, direct: false },
        ],
        buildpacks: [{ id: 'heroku/nodejs', version: '5.7.6' }],
        launcher: { version: '0.21.12' },
        'buildpack-default-process-type': 'web',
      }),
    ).toEqual({
      processes: { web: 'node server.js --port $PORT', worker: 'rake jobs' },
      defaultProcess: 'web',
      runReference: lifecycle.runImage.reference,
      buildpacks: [{ id: 'heroku/nodejs', version: '5.7.6' }],
      warnings: [],
    })
    expect(image({ processes: null, buildpacks: null })).toMatchObject({ processes: {}, defaultProcess: null })
  })

  test('types that the platform cannot have are left out', () => {
    const types = ['web.1', '-x', 'web', 'WEB']
    expect(image({ processes: types.map((type) => ({ type, command: ['run'] })) })).toMatchObject({
      processes: { web: 'run' },
      warnings: [
        'Process type "web.1" is left out: its name can only have letters and digits, with single hyphens or underscores.',
        'Process type "-x" is left out: its name can only have letters and digits, with single hyphens or underscores.',
        'Process type "WEB" is left out: "web" differs from it only in capitals or between hyphen and underscore.',
      ],
    })
  })

  test.each([[{}], [{ 'io.buildpacks.build.metadata': '[]' }]])('is not one: %j', (labels) => {
    expect(() => builtImage({ reference, labels })).toThrow(
      `The image ${reference} does not say how Cloud Native Buildpacks made it.`,
    )
  })

  test.each([
    [{ command: ['bash', '-c'], args: ['a && b'] }, 'a && b'],
    [{ command: ['/bin/sh', '-c', 'a | b'] }, 'a | b'],
    [{ command: 'a | b' }, 'a | b'],
    [{ command: ['node', 'my server.js'], args: ['--name', "it's"] }, String.raw`node 'my server.js' --name 'it'\''s'`],
    [{ command: ['bash', '-c'], args: ['a', 'b'] }, 'bash -c a b'],
  ])('%j is shown as %s', (process, text) => {
    expect(displayText(process)).toBe(text)
  })
})

test('a Procfile counts by itself only where no buildpack reads it', () => {
  const without = { buildpacks: [{ id: 'heroku/nodejs', version: '1' }] }
  const reads = { buildpacks: [...without.buildpacks, { id: 'paketo-buildpacks/procfile', version: '1' }] }
  expect([without, reads].map(readsProcfiles)).toEqual([false, true])
  expect(processTypes(without, { web: 'a', task: 'b' }, { web: 'c' })).toEqual({ web: 'c', task: 'b' })
  expect(processTypes(reads, { web: 'a' }, { web: 'c' })).toEqual({ web: 'a' })
})
