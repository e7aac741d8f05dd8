// Do arguments reach the remote command unchanged?
import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { shellLine } from './shellwords.ts'

test.each([
  [[], ''],
  [['echo $HOME | wc'], 'echo $HOME | wc'],
  [['echo', 'plain', '-n', 'A=1', 'a/b.c:d,e@f%g+h'], 'echo plain -n A=1 a/b.c:d,e@f%g+h'],
  [['sh', '-c', 'echo x'], "sh -c 'echo x'"],
  [['echo', ''], "echo ''"],
  [['echo', "it's"], String.raw`echo 'it'\''s'`],
])('%j', (words, line) => {
  expect(shellLine(words)).toBe(line)
})

test('a shell gives the same words to the command', () => {
  const words = [
    'a b',
    "it's",
    '$HOME',
    '`id`',
    '"',
    '\\',
    '*',
    '~',
    '!x',
    'two\nlines',
    '',
    ';',
    '#no',
    '-e',
    'é',
    '\t',
  ]
  const show = ['-e', 'console.log(JSON.stringify(process.argv.slice(1)))', '--']
  const line = shellLine([process.execPath, ...show, ...words])
  expect(JSON.parse(execFileSync('sh', ['-c', line], { encoding: 'utf8' }))).toEqual(words)
})
