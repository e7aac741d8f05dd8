// Is anything that bin/release prints understood or refused piece by piece?
import { expect, test } from 'vitest'
import { parseRelease } from './release.ts'

test.each<[string, string, object, number]>([
  ['types', '---\ndefault_process_types:\n  web: a --b\n  worker: c\n', { web: 'a --b', worker: 'c' }, 0],
  ['nothing', '', {}, 0],
  ['empty map', '--- {}', {}, 0],
  ['a list', '- a', {}, 0],
  ['no YAML', '{a: [', {}, 1],
  ['legacy keys', 'config_vars: {A: b}\naddons: [x]\ndefault_process_types: {web: a}', { web: 'a' }, 2],
  ['empty legacy keys', 'config_vars: {}\naddons: []\n', {}, 0],
  ['unusable types', 'default_process_types: {-web: a, ok: b, no: [1], none: ""}', { ok: 'b' }, 3],
  [
    'an alias bomb',
    `a: &a [x,x,x,x,x,x,x,x,x,x]\n${'bcdefg'
      .split('')
      .map((c, i) => `${c}: &${c} [${Array(10).fill(`*${'abcdef'[i]}`).join(',')}]`)
      .join('\n')}`,
    {},
    1,
  ],
])('%s', (_name, text, processes, ignored) => {
  const found = parseRelease(text)
  expect(found.processes).toEqual(processes)
  expect(found.ignored).toHaveLength(ignored)
})
