// Which part of untrusted text is shown on a terminal?
import { expect, test } from 'vitest'
import { createFilter, harmless, visible } from './controls.ts'

const e = '\u001b'

test.each([
  ['plain\ttext\nwith ä € 😀 \u200e', 'plain\ttext\nwith ä € 😀 \u200e'],
  [`${e}[31mred${e}[0m and ${e}[1;38;5;12mmore${e}[m\n`, `${e}[31mred${e}[0m and ${e}[1;38;5;12mmore${e}[m\n`],
  [`${e}[35mlog${e}[39m\nx${e}[41m${e}[39m\n`, `${e}[35mlog${e}[39m\nx${e}[41m${e}[39m${e}[0m\n`],
  [`${e}[32mgreen\nplain\n`, `${e}[32mgreen${e}[0m\nplain\n`],
  [`${e}[32mgreen`, `${e}[32mgreen${e}[0m`],
  ['\u009b31mred\n', `${e}[31mred${e}[0m\n`],
  [`a${e}[2Jb${e}[1;1Hc${e}[?1049hd${e}[6ne${e}[>c`, 'abcde'],
  ['a\u009b2Jb\u009b1;1Hc', 'abc'],
  [`a${e}]0;title\u0007b${e}]52;c;cHduZWQ=${e}\\c${e}]8;;http://x${e}\\d`, 'abcd'],
  ['a\u009d0;title\u009cb\u0090dcs\u009cc\u009fapc\u009cd\u0098sos\u009ce\u009epm\u009cf', 'abcdef'],
  [`a${e}P1$q${e}\\b${e}_x${e}\\c${e}^x${e}\\d${e}Xx${e}\\e`, 'abcde'],
  [`a${e}]0;never ended\nnext`, 'a\nnext'],
  [`a${e}]0;never${e}[2Jended`, 'aended'],
  [`a${e}cb${e}(0c${e}7d${e}#8e${e}%Gf`, 'abcdef'],
  [`a${e}`, 'a'],
  [`a${e}[12`, 'a'],
  [`a${e}[1\n2m`, 'a\n2m'],
  [`a${e}[${'1;'.repeat(1_000)}1mb`, 'ab'],
  [`a${e}[1;31${e}[32mb`, `a${e}[32mb${e}[0m`],
  [`a${e}[<31mb${e}[1$mc`, 'abc'],
  ['a\rb\r\nc\r', 'a\nb\nc\n'],
  ['safe\rrm -rf', 'safe\nrm -rf'],
  ['a\bb\u0007c\u0000d\u007fe\u000bf\u000cg\u000eh', 'abcdefgh'],
  ['a\u202eb\u202ac\u2066d\u2069e', 'abcde'],
  ['a\u0085b\u008dc\u0084d', 'abcd'],
])('%j is shown as %j', (text, shown) => {
  expect(harmless(text)).toBe(shown)
  // Cut at any position.
  for (let at = 1; at < text.length; at++) {
    const filter = createFilter()
    expect(filter.pass(text.slice(0, at)) + filter.pass(text.slice(at)) + filter.end()).toBe(shown)
  }
})

test('random control sequences never reach the terminal', () => {
  const parts = [
    e,
    '[',
    ']',
    '\\',
    'm',
    '3',
    ';',
    '?',
    'J',
    '\u009b',
    '\u009c',
    '\u009d',
    '\u0090',
    '\u0007',
    '\n',
    '\r',
    'x',
    'P',
    '(',
    '\u202e',
    '\b',
    ' ',
  ]
  let seed = 7
  const next = (): number => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((seed / 2 ** 32) * parts.length)
  }
  for (let round = 0; round < 20_000; round++) {
    const text = Array.from({ length: 12 }, () => parts[next()]).join('')
    const shown = harmless(text)
    // oxlint-disable-next-line no-control-regex -- they are what this looks for
    const left = shown.replaceAll(/\u001b\[[\d;:]*m/g, '')
    // oxlint-disable-next-line no-control-regex -- they are what this looks for
    expect([text, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/.test(left)]).toEqual([
      text,
      false,
    ])
  }
})

test('a text of many megabytes is passed on in parts, and little of it is held back', () => {
  const filter = createFilter()
  const started = performance.now()
  for (let at = 0; at < 64; at++) expect(filter.pass(`${e}[${'1'.repeat(65_536)}`)).toBe('')
  expect(filter.pass('mdone')).toBe('done')
  expect(performance.now() - started).toBeLessThan(20_000)
})

test('JSON stays the same value', () => {
  const value = { text: 'a\u009b2J\u202eb\u007f\u001b\u2066', plain: 'ä😀\u200e' }
  const shown = visible(JSON.stringify(value))
  expect(shown).toBe(String.raw`{"text":"a\u009b2J\u202eb\u007f\u001b\u2066","plain":"ä😀‎"}`)
  expect(JSON.parse(shown)).toEqual(value)
})
