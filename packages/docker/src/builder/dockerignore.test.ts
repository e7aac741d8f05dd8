// Does a `.dockerignore` keep out what Docker would keep out, and nothing else?
import { describe, expect, test } from 'vitest'
import { BadIgnoreFile, longestIgnoreFile, readIgnoreFile } from './dockerignore.ts'

describe.each([
  // Each pattern is anchored, and keeps out what is below a folder, too.
  ['secret', ['secret', 'secret/a', 'secret/a/b'], ['a/secret', 'secrets', 'secre', 'Secret']],
  ['/secret', ['secret', 'secret/a'], ['a/secret']],
  ['secret/', ['secret', 'secret/a'], ['secrets']],
  ['./a//b/../c', ['a/c', 'a/c/d'], ['a/b', 'a']],
  ['*.txt', ['b.txt', '.txt'], ['a/b.txt', 'b.txtx', 'b-txt']],
  ['*/temp*', ['a/temp', 'a/temporary.txt', 'a/temp/b'], ['temp', 'a/b/temp']],
  ['*/*/temp*', ['a/b/temp1'], ['a/temp']],
  ['temp?', ['tempa', 'temp1/x'], ['temp', 'tempab', 'temp/a']],
  ['**/*.go', ['a.go', 'a/b/c.go'], ['a.god']],
  ['**/node_modules', ['node_modules', 'node_modules/a', 'a/b/node_modules/c'], ['a/my_node_modules', 'node_modules2']],
  ['a/**/b', ['a/b', 'a/x/b', 'a/x/y/b/c'], ['a', 'b', 'ab', 'a/xb']],
  ['a/**', ['a/b', 'a/b/c'], ['a', 'ab']],
  ['a**', ['a', 'ab', 'a/b'], ['ba']],
  ['**', ['a', 'a/b', '.env'], []],
  ['*', ['a', 'a/b', '.env'], []],
  ['.git', ['.git', '.git/config'], ['.gitignore', 'a/.git']],
  ['[a-c]x', ['ax', 'cx/d'], ['dx', '-x', 'bxx']],
  ['[^a-c]x', ['dx'], ['ax', '/x']],
  ['[\\]]', [']'], ['[', '\\']],
  ['\\*', ['*'], ['a']],
  ['\\!a', ['!a'], ['a']],
  ['a(b|c)+{d}$', ['a(b|c)+{d}$'], ['abd']],
  ['constructor', ['constructor'], ['toString', '__proto__']],
  // The last that matches decides.
  ['*.md\n!README.md', ['a.md'], ['README.md']],
  ['*.md\n!README*.md\nREADME-secret.md', ['a.md', 'README-secret.md'], ['README.md', 'README-x.md']],
  ['*.md\nREADME-secret.md\n!README*.md', ['a.md'], ['README.md', 'README-secret.md']],
  ['*\n!src', ['a', 'a/src'], ['src', 'src/a/b']],
  ['*\n!src\nsrc/tmp', ['a', 'src/tmp/x'], ['src/a']],
  ['a\n!a/b', ['a/c', 'a'], ['a/b', 'a/b/c']],
  ['**\n!**/*.json', ['a', 'b/c'], ['a.json', 'b/c.json']],
  ['! src \n src ', ['src'], []],
  // Nothing, comments, a mark of the encoding, lines of Windows.
  ['', [], ['a']],
  ['# a\n\n   \n', [], ['# a', 'a']],
  [' #a', ['#a'], []],
  ['\uFEFFa\r\nb\r\n', ['a', 'b'], ['c']],
  ['.', [], ['a']],
  ['/', [], ['a']],
  ['../a', [], ['a']],
])('%j', (text, out, kept) => {
  const isOut = readIgnoreFile(text)
  test.each(out)('keeps %s out', (path) => expect(isOut(path)).toBe(true))
  test.each(kept)('leaves %s', (path) => expect(isOut(path)).toBe(false))
})

test.each([
  ['a\n!', 'line 2: a ! has no pattern'],
  ['[a', 'line 1: a [ has no ]'],
  ['[]a]', 'line 1: what is between [ and ] is not a set of characters'],
  ['[-]', 'line 1: what is between [ and ] is not a set of characters'],
  ['x\\', 'line 1: nothing follows its last \\'],
  ['a'.repeat(longestIgnoreFile + 1), `it has more than ${longestIgnoreFile} characters`],
])('%j is refused as Docker refuses it', (text, message) => {
  expect(() => readIgnoreFile(text)).toThrow(new BadIgnoreFile(message))
})

test('no pattern takes long', () => {
  const isOut = readIgnoreFile(`${'*a'.repeat(1000)}b\n${'**/a'.repeat(1000)}/b\n`)
  const began = performance.now()
  expect(isOut('a/'.repeat(1000) + 'a'.repeat(250))).toBe(false)
  expect(performance.now() - began).toBeLessThan(5000)
})
