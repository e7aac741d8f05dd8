// Do limits reach Kubernetes in its own units?
import { expect, test } from 'vitest'
import { cpuQuantity, memoryQuantity, resourcesOf } from './quantity.ts'

test.each([
  ['20mb', '20Mi'],
  ['20MB', '20Mi'],
  ['1g', '1Gi'],
  ['512M', '512Mi'],
  ['100k', '100Ki'],
  ['1KB', '1Ki'],
  ['0', '0'],
  ['10B', '10'],
  ['10b', '10'],
])('memory %s is %s', (text, wanted) => {
  expect(memoryQuantity(text)).toBe(wanted)
})

test.each(['', 'M', '1T', '-1M', '1.5G', '1MiB'])('memory %j is refused', (text) => {
  expect(() => memoryQuantity(text)).toThrow('is not an amount of memory')
})

test('cpu is taken as it is, in small letters', () => {
  expect(cpuQuantity('500M')).toBe('500m')
  expect(cpuQuantity('0.5')).toBe('0.5')
})

test.each([
  [{}, {}],
  [{ memory: '1G' }, { limits: { memory: '1Gi' } }],
  [
    { memory: '256M/512M', cpu: '500m' },
    { requests: { memory: '256Mi' }, limits: { memory: '512Mi', cpu: '500m' } },
  ],
  [{ memory: '0/1G' }, { requests: { memory: '0' }, limits: { memory: '1Gi' } }],
  [{ cpu: '100m/1' }, { requests: { cpu: '100m' }, limits: { cpu: '1' } }],
])('limits %j become %j', (limits, wanted) => {
  expect(resourcesOf(limits)).toEqual(wanted)
})
