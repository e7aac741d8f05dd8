// Are exactly those pieces of a container found that apply would leave behind broken?
import { expect, test } from 'vitest'
import { leftovers } from './replace.ts'

const tcp = { tcpSocket: { port: 5000 }, periodSeconds: 1 }
const http = { httpGet: { port: 5000 } }
const exec = { preStop: { exec: { command: ['sleep', '5'] } } }
const sleep = { preStop: { sleep: { seconds: 5 } } }
const name = 'web'

test.each([
  [
    'nothing changes',
    { name, readinessProbe: tcp, lifecycle: exec },
    { name, readinessProbe: tcp, lifecycle: exec },
    [],
  ],
  ['something new comes', { name }, { name, readinessProbe: tcp, lifecycle: exec }, []],
  [
    'a probe goes',
    { name, readinessProbe: tcp, livenessProbe: http },
    { name, livenessProbe: http },
    ['readinessProbe'],
  ],
  ['a probe asks otherwise', { name, livenessProbe: tcp }, { name, livenessProbe: http }, ['livenessProbe']],
  [
    'a probe has other times',
    { name, readinessProbe: tcp },
    { name, readinessProbe: { ...tcp, periodSeconds: 9 } },
    [],
  ],
  ['the hook goes', { name, lifecycle: exec }, { name }, ['lifecycle']],
  ['the hook sleeps by itself', { name, lifecycle: exec }, { name, lifecycle: sleep }, ['lifecycle']],
])('%s', (_what, old, wanted, paths) => {
  expect(leftovers(old, wanted)).toEqual(paths)
})

test('a container that is not there leaves nothing', () => {
  expect(leftovers(undefined, { name })).toEqual([])
})
