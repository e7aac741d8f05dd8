// Do other programs read the same values from a .env file?
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import dotenv from 'dotenv'
import { describe, expect, test } from 'vitest'
import { formatDotenv, parseDotenv, type Variables } from './dotenv.ts'
import { temporaryFolder } from '../testbed.ts'

/** The environment of a program started with `node --env-file`. */
function readByNode(text: string): Variables {
  const file = join(temporaryFolder(), '.env')
  writeFileSync(file, text)
  const env = execFileSync(process.execPath, [`--env-file=${file}`, '-p', 'JSON.stringify(process.env)'], {
    env: {},
    encoding: 'utf8',
  })
  return JSON.parse(env) as Variables
}

/** The same numbers for the same seed. */
function random(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

const parts = [
  ...Array.from('aB0#$\\\'"`=:!;&(,/é😀 \t\n\r\v\f\u00a0\u2028\ufeff'),
  ...'  | #|${A}|\\n|\\r|\r\n|export |-----BEGIN|{"a":1}'.split('|'),
]
function values(seed: number, count: number): Variables {
  const next = random(seed)
  const value = (): string => Array.from({ length: next(9) }, () => parts[next(parts.length)] ?? '').join('')
  return Object.fromEntries(Array.from({ length: count }, (_, at) => [`K${at}`, value()]))
}

describe.each([1, 2, 3, 4, 5, 6, 7, 8])('variables of the seed %i', (seed) => {
  const all = values(seed, 2_000)
  const ambiguous: string[] = []
  const text = formatDotenv(all, (key) => ambiguous.push(key))
  const { length } = ambiguous
  const common = Object.fromEntries(Object.entries(all).filter(([key]) => !ambiguous.includes(key)))
  const sure = formatDotenv(common)

  test('are written so that we read them again', () => {
    expect(parseDotenv(text, '.env')).toEqual(all)
  })
  test('are read by node --env-file', () => {
    expect(readByNode(sure)).toEqual(common)
  })
  test('are read by the dotenv package', () => {
    expect(dotenv.parse(sure)).toEqual(common)
  })
  test('are reported if they cannot be written for all readers, which are few', () => {
    expect(length).toBeLessThan(2_000 * 0.25)
    for (const key of ambiguous) expect(all[key]).toMatch(/\r|\\$|["'`]/)
  })
})

test('common values are never ambiguous', () => {
  const ordinary = {
    URL: 'postgres://u:p%23@host:5432/db?ssl=true#x',
    JSON: '{"a": "b\\n", "c": 1}',
    KEY: '-----BEGIN KEY-----\nabc+/=\n-----END KEY-----\n',
    PASSWORD: 'a#b$c"d`e',
    SPACES: '  x  ',
    EMPTY: '',
    WINDOWS: 'C:\\temp\\new',
    APOSTROPHE: "it's #1",
  }
  const text = formatDotenv(ordinary, (key) => expect.fail(key))
  expect(readByNode(text)).toEqual(ordinary)
  expect(dotenv.parse(text)).toEqual(ordinary)
  expect(parseDotenv(text, '.env')).toEqual(ordinary)
})

test.each([
  'A=1\nB = 2\n C= 3 \n',
  'export A=1\n  export B=2',
  'A=x # note\nB=x#y\nC="x" # note\nD=\'x # y\' # z\nE=`a "b" \'c\'`\n# F=1\n\nG=',
  'A="one\ntwo"\nB=\'three\nfour\'\r\nC=`five\nsix`\nD=7',
  'A=1\r\nB="2\r\n3"\r\nC=4\r\n',
  'A="tab\ttab"\nB="one\\ntwo"\nC=\'one\\ntwo\'\nD=one\\ntwo',
  'A=it is "so"\nB=a=b=c\nC=a\'b\'c\nD=$A ${A}',
  'A=""\nB=\'\'\nC=``\nD=',
])('%j is read as the others read it', (text) => {
  const ours = parseDotenv(text, '.env')
  expect(dotenv.parse(text)).toEqual(ours)
  expect(readByNode(text)).toEqual(ours)
})

test('a byte order mark is not part of a name', () => {
  expect(parseDotenv('\uFEFFA=1', '.env')).toEqual({ A: '1' })
})
