// Are the bytes of pod logs split into lines with exact times, whatever their chunks, time zones and lengths?
import { expect, test } from 'vitest'
import { stampOf } from '@deis/container/stamp'
import { createEntryReader } from './lines.ts'

const t1 = '2026-11-22T04:14:01.338493626Z'
const t2 = '2026-11-22T04:14:02.000000001Z'
const kib16 = 16 * 1024

test.each([
  ['2026-11-22T04:14:01.338493626Z', '2026-11-22T04:14:01.338493626Z'],
  ['2026-11-22T04:14:01.3384Z', '2026-11-22T04:14:01.338400000Z'],
  ['2026-11-22T04:14:01Z', '2026-11-22T04:14:01.000000000Z'],
  ['2026-11-22T01:14:01.5+02:30', '2026-11-21T22:44:01.500000000Z'],
  ['2026-11-22T04:14:01.338493626-05:00', '2026-11-22T09:14:01.338493626Z'],
  ['2026-13-22T04:14:01Z', null],
  ['2026-11-22', null],
  ['yesterday', null],
  ['', null],
])('the time %j is %j', (text, stamp) => {
  expect(stampOf(text)).toBe(stamp)
})

function entries(chunks: readonly (string | Buffer)[]): [string, string][] {
  const reader = createEntryReader()
  const all = [...chunks.flatMap((chunk) => reader.push(Buffer.from(chunk))), ...reader.flush()]
  return all.map(({ stamp, text }) => [stamp, text])
}

test.each<{ title: string; chunks: (string | Buffer)[]; expected: [string, string][] }>([
  { title: 'nothing', chunks: [], expected: [] },
  {
    title: 'lines',
    chunks: [`${t1} one\n${t2} two\n`],
    expected: [
      [t1, 'one'],
      [t2, 'two'],
    ],
  },
  {
    title: 'empty lines and spaces',
    chunks: [`${t1} \n${t2}   a b \n`],
    expected: [
      [t1, ''],
      [t2, '  a b '],
    ],
  },
  {
    title: 'a last line without end',
    chunks: [`${t1} one\n${t2} tw`],
    expected: [
      [t1, 'one'],
      [t2, 'tw'],
    ],
  },
  { title: 'a text that looks like a time', chunks: [`${t1} ${t2} x\n`], expected: [[t1, `${t2} x`]] },
  { title: 'carriage returns', chunks: [`${t1} 50%\r99%\r\n`], expected: [[t1, '50%99%']] },
  {
    title: 'binary',
    chunks: [Buffer.concat([Buffer.from(`${t1} a`), Buffer.from([0xff, 0x00]), Buffer.from('\n')])],
    expected: [[t1, 'a\ufffd\u0000']],
  },
  {
    title: "the kubelet's own message",
    chunks: ['unable to retrieve container logs for containerd://1\n'],
    expected: [],
  },
  { title: 'just short enough', chunks: [`${t1} ${'x'.repeat(kib16)}\n`], expected: [[t1, 'x'.repeat(kib16)]] },
  {
    title: 'too long',
    chunks: [`${t1} ${'x'.repeat(kib16)}yz\n${t2} b\n`],
    expected: [
      [t1, 'x'.repeat(kib16)],
      [t1, 'yz'],
      [t2, 'b'],
    ],
  },
  {
    title: 'too long, each part with its time',
    chunks: [`${t1} ${'x'.repeat(kib16)}${t2} yz\n`],
    expected: [
      [t1, 'x'.repeat(kib16)],
      [t2, 'yz'],
    ],
  },
  {
    title: 'too long without end',
    chunks: [`${t1} ${'x'.repeat(kib16 * 2 + 3)}`],
    expected: [
      [t1, 'x'.repeat(kib16)],
      [t1, 'x'.repeat(kib16)],
      [t1, 'xxx'],
    ],
  },
])('$title', ({ chunks, expected }) => {
  expect(entries(chunks)).toEqual(expected)
  const bytes = Buffer.concat(chunks.map((chunk) => Buffer.from(chunk)))
  const pieces = Array.from({ length: Math.ceil(bytes.length / 11) }, (_, at) => bytes.subarray(at * 11, at * 11 + 11))
  expect(entries(pieces)).toEqual(expected)
})

test('a character in two chunks', () => {
  const bytes = Buffer.from(`${t1} ä€😀\n`)
  for (let at = 1; at < bytes.length; at++)
    expect(entries([bytes.subarray(0, at), bytes.subarray(at)])).toEqual([[t1, 'ä€😀']])
})
