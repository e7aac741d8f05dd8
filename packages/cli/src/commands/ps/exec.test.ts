// Which process does an argument name?
import { expect, test } from 'vitest'
import { podOf } from './exec.ts'

const pod = (name: string, type: string, state = 'up') => ({ name, type, state, release: 'v2', started: 'x' })
const pods = [
  pod('foo-web-bbb', 'web'),
  pod('foo-web-aaa', 'web'),
  pod('foo-web-999', 'web', 'starting'),
  pod('foo-job-ccc', 'job'),
  pod('foo-sick-ddd', 'sick', 'crashed'),
]
const only = (...types: string[]) => pods.filter(({ type }) => types.includes(type))

test.each([
  ['web', pods, 'foo-web-aaa'],
  ['job', pods, 'foo-job-ccc'],
  ['foo-web-bbb', pods, 'foo-web-bbb'],
  ['web-bbb', pods, 'foo-web-bbb'],
  ['foo-sick-ddd', pods, 'foo-sick-ddd'],
  [undefined, pods, 'foo-web-aaa'],
  [undefined, only('job'), 'foo-job-ccc'],
  [undefined, [pod('foo-cmd-1', 'cmd'), ...only('job')], 'foo-cmd-1'],
])('%s of these is %#', (which, among, wanted) => {
  expect(podOf('foo', among, which)).toBe(wanted)
})

test.each([
  ['nope', pods, '"foo" has no process or process type "nope".', 'Its process types are job, sick, web;'],
  ['sick', pods, 'No process of type "sick" is up.', 'foo-sick-ddd is crashed'],
  [undefined, only('job', 'sick'), 'No process given, and "foo" has several types: job, sick.', 'Give a process type'],
  [undefined, [], 'No process of "foo" is running.', 'deis ps -a foo'],
])('%s of these is refused (%#)', (which, among, message, hint) => {
  expect(() => podOf('foo', among, which)).toThrow(
    expect.objectContaining({ message, hint: expect.stringContaining(hint) as string }),
  )
})
