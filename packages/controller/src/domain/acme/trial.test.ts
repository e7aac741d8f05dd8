// Which names are tried at the staging of the CA first?
import { expect, test } from 'vitest'
import { isTrialDue } from './trial.ts'

const fresh = { stagedAt: null, certificate: null, errorType: null }
const stagedAt = new Date()

test.each([
  ['a first order', fresh, true],
  ['one that failed before it came there', { ...fresh, errorType: 'unreachable' }, true],
  ['one that the staging has passed', { ...fresh, stagedAt }, false],
  ['one that then met a limit of the CA', { ...fresh, stagedAt, errorType: 'rateLimited' }, false],
  ['a renewal', { ...fresh, certificate: 'PEM' }, false],
  [
    'a renewal that was refused, since the name leads elsewhere',
    { ...fresh, certificate: 'PEM', errorType: 'dns' },
    true,
  ],
  ['a renewal while the CA was down', { ...fresh, certificate: 'PEM', errorType: 'unreachable' }, false],
])('%s', (_, row, due) => {
  expect(isTrialDue(row)).toBe(due)
})
