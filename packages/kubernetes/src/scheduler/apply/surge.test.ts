// Do as many new pods start at once as help, and no more than fit?
import { expect, test } from 'vitest'
import type { Node, Pod } from '../../client/objects.ts'
import { amountOf } from '@deis/container/quantity'
import { matching, surgeOf } from './surge.ts'

const node = (name: string, allocatable: Record<string, string>, more: Partial<Node> = {}): Node => ({
  metadata: { name, labels: { disk: name === 'a' ? 'ssd' : 'hdd' } },
  status: { allocatable },
  ...more,
})
const large = { pods: '110', memory: '16384516Ki', cpu: '8' }
const nodes = (count: number): Node[] => Array.from({ length: count }, (_, place) => node(`n${place}`, large))
const on = (name: string, memory: string): Pod => ({
  spec: { nodeName: name, containers: [{ name: 'c', resources: { requests: { memory } } }] },
  status: { phase: 'Running' },
})
const plain = { pods: [], resources: {} }

test.each([
  [1, 1, 1],
  [1, 2, 1],
  [1, 10, 5],
  [3, 2, 2],
  [3, 4, 3],
  [8, 10, 8],
  [0, 4, 1],
  [1, 0, 1],
])('%i nodes, %i pods: %i at once', (count, replicas, wanted) =>
  expect(surgeOf(0, replicas, { ...plain, nodes: nodes(count) })).toBe(wanted),
)

test('batches of the operator count, but there are no more than pods', () => {
  expect(surgeOf(3, 10, { ...plain, nodes: nodes(1) })).toBe(3)
  expect(surgeOf(30, 10, { ...plain, nodes: [] })).toBe(10)
})

test('what does not fit is not started', () => {
  const small = [node('a', { pods: '12', memory: '1Gi', cpu: '2' })]
  const taken = Array.from({ length: 10 }, () => on('a', '64Mi'))
  expect(surgeOf(0, 10, { nodes: small, pods: taken, resources: {} })).toBe(2)
  expect(surgeOf(0, 10, { nodes: small, pods: taken.slice(0, 4), resources: { requests: { memory: '256Mi' } } })).toBe(
    3,
  )
  // A limit without a request is what the node sets aside.
  expect(surgeOf(0, 10, { nodes: small, pods: [], resources: { limits: { cpu: '500m' } } })).toBe(4)
  expect(surgeOf(0, 10, { nodes: small, pods: taken, resources: { limits: { memory: '2Gi' } } })).toBe(1)
})

test('only nodes that take pods of these tags', () => {
  const closed = node('b', large, { spec: { unschedulable: true } })
  expect(matching([node('a', large), node('c', large), closed], {})).toHaveLength(2)
  expect(matching([node('a', large), node('c', large)], { disk: 'ssd' }).map((one) => one.metadata?.name)).toEqual([
    'a',
  ])
})

test.each([
  ['2', 2],
  ['1930m', 1.93],
  ['16384516Ki', 16_384_516 * 1024],
  ['1.5Gi', 1.5 * 2 ** 30],
  ['100M', 1e8],
  ['', null],
  ['many', null],
  ['1Xi', null],
])('%s is %s', (text, wanted) => expect(amountOf(text)).toBe(wanted))
