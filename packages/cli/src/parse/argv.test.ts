// Is the command line divided as in the contract?
import { expect, test } from 'vitest'
import { readArgv } from './argv.ts'

const plain = { profile: undefined, debug: false, wantsHelp: false }

test.each([
  [[], { ...plain, command: undefined, topic: '', words: [] }],
  [['apps'], { ...plain, command: 'apps', topic: 'apps', words: [] }],
  [['apps:list', '-l', '5'], { ...plain, command: 'apps:list', topic: 'apps', words: ['-l', '5'] }],
  [['create', 'x'], { ...plain, command: 'apps:create', topic: 'apps', words: ['x'] }],
  [['foo:bar:baz', 'a'], { ...plain, command: 'foo:bar:baz', topic: 'foo', words: ['a'] }],
  [['constructor'], { ...plain, command: 'constructor', topic: 'constructor', words: [] }],
  [['--help'], { ...plain, command: 'help', topic: 'help', words: [] }],
  [['-h'], { ...plain, command: 'help', topic: 'help', words: [] }],
  [['-v'], { ...plain, command: 'version', topic: 'version', words: [] }],
  [['--version'], { ...plain, command: 'version', topic: 'version', words: [] }],
  [['help', 'run'], { ...plain, command: 'apps:run', topic: 'apps', words: ['--help'], wantsHelp: true }],
  [['-h', 'foo', 'x'], { ...plain, command: 'foo', topic: 'foo', words: ['x', '--help'], wantsHelp: true }],
  [
    ['help', 'run', '--', 'x'],
    { ...plain, command: 'apps:run', topic: 'apps', words: ['--help', '--', 'x'], wantsHelp: true },
  ],
  [['run', '--', '-h'], { ...plain, command: 'apps:run', topic: 'apps', words: ['--', '-h'] }],
  [['-c', 'p', 'apps'], { ...plain, profile: 'p', command: 'apps', topic: 'apps', words: [] }],
  [['apps', '-c', 'p', '-l', '1'], { ...plain, profile: 'p', command: 'apps', topic: 'apps', words: ['-l', '1'] }],
  [['--config', 'p', 'apps'], { ...plain, profile: 'p', command: 'apps', topic: 'apps', words: [] }],
  [['apps', '--config=p', '-c', 'q'], { ...plain, profile: 'p', command: 'apps', topic: 'apps', words: [] }],
  [['apps', '--config='], { ...plain, profile: '', command: 'apps', topic: 'apps', words: [] }],
  [
    ['run', '-c', 'p', '--', 'sh', '-c', 'x', '--config=y'],
    { ...plain, profile: 'p', command: 'apps:run', topic: 'apps', words: ['--', 'sh', '-c', 'x', '--config=y'] },
  ],
  [['--debug', 'apps'], { ...plain, debug: true, command: 'apps', topic: 'apps', words: [] }],
  [['apps', '-c'], { misuse: '-c needs the name or path of a profile' }],
  [['run', '--config', '--', 'x'], { misuse: '--config needs the name or path of a profile' }],
  [['-a', 'foo', 'apps'], { misuse: '"-a" is not a command; options come after the command' }],
])('%j', (argv, expected) => {
  expect(readArgv(argv)).toEqual(expected)
})
