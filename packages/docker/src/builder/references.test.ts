// Is every image found that a Dockerfile names, however it is written, and are its stages not taken for images?
import { expect, test } from 'vitest'
import { isInOwnRegistry } from './foreign.ts'
import { expand, referencesOf, UnclearReference } from './references.ts'

test.each<[string, string[]]>([
  ['FROM scratch', []],
  ['FROM a', ['a']],
  [
    '\uFEFF# c\n  from --platform=linux/amd64 a AS one\nFROM one\nCOPY --from=0 / /\nCOPY --from=ONE / /\nCOPY --from=2 / /',
    ['a', '2'],
  ],
  // A stage is known from its line on.
  ['FROM one\nFROM b AS one', ['one', 'b']],
  ['FR\\\n# c\n\nOM a \\\n AS b\n', ['a']],
  ['# escape=`\nFR`\nOM a\nCOPY --from=b`\nc x y', ['a', 'bc']],
  ['FROM a\nCOPY --chown=1 --from=b x y\nADD --from=c x y', ['a', 'b', 'c']],
  ['FROM a\nONBUILD  COPY --from=b x y\nONBUILD RUN --mount=from=c,target=/c x', ['a', 'b', 'c']],
  ['FROM a\nRUN --network=none --mount=type=bind,from=b,target=/b x --from=no', ['a', 'b']],
  ['FROM a\nRUN --mount="type=bind,target=/x y",FROM=b x', ['a', 'b']],
  ['FROM a\nRUN --mount=type=bind,"from=b" x\nRUN --mo\\unt=fr\\om=c x', ['a', 'b', 'c']],
  ['FROM a\nENV X=b Y=1\nRUN --mount=from=$X x\nENV X c\nRUN --mount=from=$X x', ['a', 'b', 'c']],
  ['ARG X=a\nFROM $X\nARG X=c\nFROM ${X}', ['a']],
  ['ARG X\nFROM $X:1', [':1']],
  ['ARG GIVEN=a\nFROM $GIVEN', ['given']],
  ['ARG X=a\nARG Y=$X/b\nFROM "$Y":1', ['a/b:1']],
  ['ARG X=${Y##a}\nFROM a', ['a']],
  ['FROM a\r\nFROM b\r\n', ['a', 'b']],
  ['RUN FROM\nCOPY', []],
])('%j', (text, expected) => {
  expect(referencesOf(text, { GIVEN: 'given' })).toEqual(expected)
})

test.each([
  ['$A-${A}', 'a-a'],
  ['${B:-x}${B-x}${N:-x}${N-$A}', 'xxa'],
  ['${A:+x}${B:+x}${B+x}${N+x}', 'xx'],
  ['${N:-${B:-${A}}}', 'a'],
  [`'$A'"$A"\\$A`, '$Aa$A'],
  ['$', '$'],
])('%s is %s', (word, expected) => {
  expect(
    expand(
      word,
      new Map([
        ['A', 'a'],
        ['B', ''],
      ]),
      '\\',
    ),
  ).toBe(expected)
})

test.each([
  'ARG X=${Y##a}\nFROM $X',
  'FROM ${A%%b}',
  'FROM ${A',
  `FROM ${'${A:-'.repeat(50)}`,
  `FROM ${'a'.repeat(5000)}`,
])('%j is not built', (text) => expect(() => referencesOf(text, {})).toThrow(UnclearReference))

test.each<[string, boolean]>([
  ['127.0.0.1:5211/shop@sha256:' + 'a'.repeat(64), true],
  ['127.1.2.3:5211/shop', true],
  ['localhost:5211/shop', true],
  ['LOCALHOST:5211/shop', true],
  ['[::1]:5211/shop', true],
  ['0.0.0.0:5211/shop', true],
  ['127.0.0.1:5010/busybox:1', false],
  ['example.com:5211/shop', false],
  ['shop', false],
  ['$', false],
])('whether %s is in the own registry: %s', (image, expected) => {
  expect(isInOwnRegistry(image, 5211)).toBe(expected)
})

test('a Dockerfile that is as large as may be is read at once', () => {
  const began = performance.now()
  for (const part of [
    '\\\n',
    'FROM a\n',
    'RUN --mount=from=b\\\n',
    'RUN ' + '--a="'.repeat(9),
    '${A:-',
    'ARG A=$A$A\n',
    ' ',
  ])
    try {
      referencesOf(`ARG A=aa\nFROM a\n${part.repeat(Math.ceil(131_072 / part.length))}\nFROM $A`, {})
    } catch (error) {
      expect(error).toBeInstanceOf(UnclearReference)
    }
  expect(performance.now() - began).toBeLessThan(10_000)
})
