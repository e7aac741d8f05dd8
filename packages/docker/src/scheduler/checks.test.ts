// Does `deis doctor` say when an engine is not one that was tried?
import { expect, test } from 'vitest'
import { infoOf } from '../engine/objects.ts'
import { engineCheck } from './checks.ts'

const info = infoOf({ Driver: 'overlay2' })

test.each([
  ['tried', 'ok', /overlay2$/],
  ['untried', 'ok', /the tests of this backend ran on Docker Engine 20\.10 and 28\.5$/],
  ['newer', 'limited', /newer than what this release of the platform was made for/],
] as const)('an engine that is %s is %s', (acquaintance, status, detail) => {
  expect(engineCheck({ acquaintance, version: '1.2.3', api: '1.41', info })).toEqual({
    name: 'docker',
    status,
    detail: expect.stringMatching(detail) as string,
  })
})
