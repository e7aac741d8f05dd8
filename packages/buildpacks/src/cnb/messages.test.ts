// What do users read of the phases, and when one fails?
import { describe, expect, test } from 'vitest'
import { builderOf, kindOf } from './choice.ts'
import { failureMessage, type PhaseFailure } from './messages.ts'
import { createPhaseOutput } from './phase-output.ts'
import { metadata, testFacts } from './testing.ts'

const failure = (more: Partial<PhaseFailure>): string =>
  failureMessage(
    { phase: 'build', exitCode: 1, outOfMemory: false, memory: null, error: null, participants: [], ...more },
    testFacts(),
  )

describe('the message of a failure', () => {
  const none =
    'No buildpack of heroku/builder:24 recognises this app. They look for package.json (heroku/nodejs), Procfile (heroku/procfile). Add such a file, a Procfile or a Dockerfile, or name the buildpacks in project.toml.'
  test.each<[Partial<PhaseFailure>, string]>([
    [{ exitCode: 20, phase: 'detect' }, none],
    [{ exitCode: 21, phase: 'detect' }, `${none} One of them failed while it looked: its output is above.`],
    [
      { exitCode: 22, phase: 'detect', error: 'reading buildpack.toml.' },
      'The order of buildpacks names one that heroku/builder:24 does not have: reading buildpack.toml.',
    ],
    [{ exitCode: 51 }, 'A buildpack could not build the app. Its own output above says why.'],
    [
      { exitCode: 51, participants: ['heroku/nodejs 5.7.6'] },
      'The buildpack heroku/nodejs 5.7.6 could not build the app. Its own output above says why.',
    ],
    [
      { exitCode: 51, participants: ['heroku/nodejs 5.7.6', 'heroku/procfile 4.2.1'] },
      'A buildpack could not build the app (heroku/nodejs 5.7.6, heroku/procfile 4.2.1). Its own output above says why.',
    ],
    [
      { exitCode: 32, phase: 'analyze', error: 'validating registry write access' },
      'The registry refused the build: validating registry write access. This is for the operator: see deis doctor.',
    ],
    [{ exitCode: 62, phase: 'export', error: null }, 'The image could not be pushed to the registry.'],
    [
      { exitCode: 11, phase: 'analyze' },
      'The builder heroku/builder:24 does not work with this platform: it refuses Platform API 0.13.',
    ],
    [
      { exitCode: 12 },
      "A buildpack of heroku/builder:24 does not work with the builder's own lifecycle. Use another version of the builder.",
    ],
    [
      { exitCode: 42, phase: 'restore' },
      'What the last build kept could not be restored. Push again; if it stays so, set DEIS_DISABLE_CACHE.',
    ],
    [
      { exitCode: 137, outOfMemory: true, memory: '1Gi' },
      'The build ran out of memory (OOMKilled): it may use 1Gi. Make it smaller, or raise the limit of builds.',
    ],
    [
      { exitCode: 3, phase: 'analyze', error: 'failed to parse' },
      'The phase "analyze" of the builder heroku/builder:24 exited with code 3: failed to parse.',
    ],
  ])('%j', (given, message) => {
    expect(failure(given)).toBe(message)
  })

  test('a builder of unknown buildpacks', () => {
    const facts = testFacts({ 'io.buildpacks.builder.metadata': { ...metadata, buildpacks: [{ id: 'me/cobol' }] } })
    const text = failureMessage(
      { phase: 'detect', exitCode: 20, outOfMemory: false, memory: null, error: null, participants: [] },
      facts,
    )
    expect(text).toBe(
      'No buildpack of heroku/builder:24 recognises this app. Add a Procfile or a Dockerfile, or name the buildpacks in project.toml.',
    )
  })
})

describe('the output of a phase', () => {
  const shownOf = (phase: Parameters<typeof createPhaseOutput>[0], lines: readonly string[], fails = false) => {
    const shown: string[] = []
    const output = createPhaseOutput(phase, (line) => shown.push(line))
    for (const line of lines) output.line(line)
    if (fails) output.failed()
    return { shown, error: output.error(), participants: output.participants() }
  }
  test('whole where buildpacks speak', () => {
    const lines = ['heroku/nodejs   5.7.6', 'heroku/procfile 4.2.1', '2 of 3 buildpacks participating']
    expect(shownOf('detect', lines)).toEqual({
      shown: lines,
      error: null,
      participants: ['heroku/nodejs 5.7.6', 'heroku/procfile 4.2.1'],
    })
    expect(shownOf('build', ['any', 'ERROR: failed to build: exit status 1'])).toMatchObject({
      shown: ['any', 'ERROR: failed to build: exit status 1'],
      error: 'failed to build: exit status 1',
    })
  })

  test('of the others the layers, and everything when they fail', () => {
    const lines = ["Reusing layer 'heroku/nodejs:dist'", '', "Adding label 'io.buildpacks.x'", 'ERROR: a', 'ERROR: b']
    expect(shownOf('export', lines).shown).toEqual(["Reusing layer 'heroku/nodejs:dist'"])
    expect(shownOf('export', lines, true)).toMatchObject({
      shown: ["Reusing layer 'heroku/nodejs:dist'", "Adding label 'io.buildpacks.x'", 'ERROR: a', 'ERROR: b'],
      error: 'b',
    })
    expect(shownOf('analyze', ['Image with name "x" not found']).shown).toEqual([])
    expect(shownOf('restore', ['Restoring data for "a:b" from cache']).shown).toHaveLength(1)
  })
})

describe('which build', () => {
  const nothing = { dockerfile: false, buildpacks: false }
  test.each([
    [nothing, { config: {} }, 'cnb', 'cnb'],
    [nothing, { config: {} }, 'classic', 'classic'],
    [nothing, { config: { BUILDPACK_URL: 'x' } }, 'cnb', 'classic'],
    [{ dockerfile: true, buildpacks: true }, { config: {} }, 'cnb', 'classic'],
    [{ ...nothing, dockerfile: true }, { config: { BUILDPACK_URL: 'x' } }, 'cnb', 'classic'],
    [{ ...nothing, dockerfile: true }, { config: {} }, 'classic', 'dockerfile'],
    [{ ...nothing, dockerfile: true }, { config: {}, builder: 'b' }, 'classic', 'cnb'],
    [{ ...nothing, dockerfile: true }, { config: {}, buildpacks: ['heroku/go'] }, 'cnb', 'cnb'],
    [{ ...nothing, dockerfile: true }, { config: {}, buildpacks: [] }, 'cnb', 'dockerfile'],
  ] as const)('%j %j %s: %s', (source, request, plain, kind) => {
    expect(kindOf(source, request, { plain })).toBe(kind)
  })

  test('with a builder that the operator named', () => {
    const operator = { builder: 'heroku/builder:24', allowed: ['heroku/builder:26'] }
    expect(builderOf(undefined, null, operator)).toBe('heroku/builder:24')
    expect(builderOf(undefined, 'heroku/builder:26', operator)).toBe('heroku/builder:26')
    expect(builderOf('heroku/builder:26', 'heroku/builder:24', operator)).toBe('heroku/builder:26')
    expect(() => builderOf(undefined, 'evil/builder', operator)).toThrow(
      'The builder "evil/builder" is not one that this platform allows: heroku/builder:24, heroku/builder:26. Choose one of these, or ask the operator to allow it.',
    )
  })
})
