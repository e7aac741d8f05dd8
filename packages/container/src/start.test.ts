// Does every kind of image start a command, and a process type of its own, as it should?
import { expect, test } from 'vitest'
import anyShell from './programs/any-shell.sh'
import { startOf } from './start.ts'

test.each([
  ['none', null, false, {}],
  ['none', 'a b', false, { command: ['/bin/bash', '-c'], args: ['a b'] }],
  ['none', 'a b', true, { command: ['/bin/sh', '-c', anyShell, 'deis'], args: ['a b'] }],
  ['slug', 'a b', false, { command: ['/runner/init'], args: ['a b'] }],
  ['slug', 'a b', true, { command: ['/runner/init'], args: ['a b'] }],
  ['cnb', null, false, { command: ['/cnb/process/web'] }],
  ['cnb', 'a b', false, { command: ['/cnb/lifecycle/launcher'], args: ['a b'] }],
  ['cnb', 'a b', true, { command: ['/cnb/lifecycle/launcher'], args: ['a b'] }],
] as const)('%s, command %j, one-off %s', (launcher, command, oneOff, expected) => {
  expect(startOf(launcher, 'web', command, oneOff)).toEqual(expected)
})
