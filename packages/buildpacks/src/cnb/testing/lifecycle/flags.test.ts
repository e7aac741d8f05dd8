// Is the stand-in lifecycle as strict as the real one about its arguments?
import { describe, expect, test } from 'vitest'
import { readFlags } from './flags.ts'

describe('the flags of a phase', () => {
  test('flags, then the image; variables stand for flags that are not given', () => {
    const env = { CNB_LAYERS_DIR: '/env', CNB_RUN_IMAGE: 'run', CNB_SKIP_LAYERS: 'true' }
    const words = ['-no-color', '-layers=/here', '-insecure-registry', 'a', '-insecure-registry', 'b', 'image:1']
    const flags = readFlags('analyzer', words, env)
    expect([flags.one('layers'), flags.one('run-image'), flags.has('skip-layers'), flags.image]).toEqual([
      '/here',
      'run',
      true,
      'image:1',
    ])
    expect(flags.many('insecure-registry')).toEqual(['a', 'b'])
    expect(readFlags('restorer', [], { CNB_INSECURE_REGISTRIES: 'a,b' }).many('insecure-registry')).toEqual(['a', 'b'])
  })

  test.each([
    ['detector', ['-cache-dir', '/x'], 2, 'flag provided but not defined: -cache-dir'],
    ['restorer', ['-cache-dir'], 2, 'flag needs an argument: -cache-dir'],
    ['analyzer', [], 3, 'received 0 arguments, but expected 1'],
    ['analyzer', ['image:1', '-layers', '/x'], 3, 'received 3 arguments, but expected 1'],
    ['builder', ['image:1'], 3, 'received 1 arguments, but expected 0'],
    ['exporter', ['-run-image', 'x', 'image:1'], 3, '-run-image is unsupported'],
  ])('%s %j exits with %i', (phase, words, code, message) => {
    expect(() => readFlags(phase, words, {})).toThrow(expect.objectContaining({ code }))
    expect(() => readFlags(phase, words, {})).toThrow(message)
  })
})
