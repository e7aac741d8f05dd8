// Does the Procfile parser accept valid lines, and name the line and the mistake of invalid ones?
import { expect, test } from 'vitest'
import { invalidProcessType } from '@deis/types'
import { parseProcfile } from './procfile.ts'

test.each<[string, string, Record<string, string>]>([
  ['one type', 'web: node server.js\n', { web: 'node server.js' }],
  ['no newline at the end', 'web: a', { web: 'a' }],
  ['order is kept', 'worker: w\nweb: x\n', { worker: 'w', web: 'x' }],
  ['comments and blank lines', '# a comment\n\n  # web: no\nweb: a\n', { web: 'a' }],
  ['CRLF', 'web: a b\r\nworker: c\r\n', { web: 'a b', worker: 'c' }],
  ['a byte order mark', '\uFEFFweb: a\n', { web: 'a' }],
  ['a YAML document line', '---\nweb: a\n', { web: 'a' }],
  ['colons in a command', 'web: run --header "a: b" x:y\n', { web: 'run --header "a: b" x:y' }],
  ['# in a command', 'web: echo a #b && c#d\n', { web: 'echo a #b && c#d' }],
  ['no space after the colon', 'web:node server.js\n', { web: 'node server.js' }],
  ['space before the colon', '  web : a\n', { web: 'a' }],
  [
    'shell words stay as they are',
    'web: FOO=$BAR exec ./x "$PORT" \\ > y\n',
    { web: 'FOO=$BAR exec ./x "$PORT" \\ > y' },
  ],
  ['a quoted command', 'web: "node server.js"\n', { web: 'node server.js' }],
  ['a quoted command with escapes', `a: "say \\"hi\\""\nb: 'it''s'\n`, { a: 'say "hi"', b: "it's" }],
  ['quoted words only', `web: 'a' && 'b'\n`, { web: `'a' && 'b'` }],
  ['words of Object', 'constructor: a\n', { constructor: 'a' }],
  ['capitals and underscores', 'celery_beat: a\nWorker: b\n', { celery_beat: 'a', Worker: 'b' }],
  ['digits and hyphens', 'web-2: a\n3d: b\n', { 'web-2': 'a', '3d': 'b' }],
])('%s', (_name, text, expected) => {
  expect(parseProcfile(text)).toEqual(expected)
  expect(Object.keys(parseProcfile(text) ?? {})).toEqual(Object.keys(expected))
})

test.each(['', '\n\n', '# web: later\n', '\uFEFF---\r\n  # nothing\r\n'])('%j declares nothing', (text) => {
  expect(parseProcfile(text)).toBeNull()
})

test.each<[string, string, string]>([
  ['types that are alike', 'web: a\nWeb: b', 'Procfile line 2: Process types "web" and "Web" differ only in capitals'],
  ['types with one name', 'a_b: a\na-b: b', 'Procfile line 2: Process types "a_b" and "a-b" differ only in capitals'],
  ['a hyphen at the end', 'web-: b', `Procfile line 1: ${invalidProcessType}; "web-" is not one`],
  ['two underscores', 'a__b: b', `Procfile line 1: ${invalidProcessType}; "a__b" is not one`],
  ['no command', '\nweb:\n', `Procfile line 2: Command can't be empty for process type "web"`],
  ['blank command', 'web:   \r\n', `Procfile line 1: Command can't be empty for process type "web"`],
  ['quoted empty command', 'web: ""', `Procfile line 1: Command can't be empty for process type "web"`],
  ['a duplicate', 'web: a\n#\nweb: b', 'Procfile line 3: process type "web" is declared twice'],
  ['no colon', 'web node', 'Procfile line 1: this is not of the form `type: command`'],
  ['a URL', 'http://example.com', 'Procfile line 1: this is not of the form `type: command`'],
  ['spaces in the type', 'my web: a', 'Procfile line 1: this is not of the form `type: command`'],
  ['a control character', 'web: a\x1b[2Jb', 'Procfile line 1: control characters are not allowed'],
  ['a long type', `${'a'.repeat(64)}: b`, `Procfile line 1: ${invalidProcessType}; "aaa`],
  ['a long command', `web: ${'a'.repeat(8193)}`, 'Procfile line 1: a command has at most 8192 characters'],
  ['a huge file', '#'.repeat(65_537), 'the Procfile is larger than 65536 bytes'],
  [
    'too many types',
    Array.from({ length: 101 }, (_, i) => `p${i}: a`).join('\n'),
    'Procfile line 101: more than 100 process types',
  ],
])('refuses %s', (_name, text, message) => {
  expect(() => parseProcfile(text)).toThrow(message)
})
