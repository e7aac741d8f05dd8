// Is there an end to what users keep open, and is a place that was given back free?
import { expect, test } from 'vitest'
import { createPlaces } from './open-limits.ts'

test('each user has places, all together have places, and given back they are free', () => {
  const { take } = createPlaces('sessions', { perUser: 2, perController: 3 })
  const leave = take('ann')
  take('ann')
  const refusedAnn = { code: 'throttled', message: 'ann has 2 sessions open, more are not allowed: end one first' }
  expect(() => take('ann')).toThrow(expect.objectContaining(refusedAnn))
  take('bob')
  expect(() => take('bob')).toThrow('this controller has 3 sessions open, more are not allowed: end one first')
  leave()
  leave()
  take('cleo')
  expect(() => take('bob')).toThrow('this controller has 3 sessions open')
})
