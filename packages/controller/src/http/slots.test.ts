// Is the number of open sessions and followed logs limited, and is a slot that was given back free?
import { expect, test } from 'vitest'
import { createSlots } from './slots.ts'

test('each user has slots, all together have slots, and given back they are free', () => {
  const { take } = createSlots('sessions', { perUser: 2, perController: 3 })
  const leave = take('ann')
  take('ann')
  const refusedAnn = { code: 'throttled', message: '"ann" has 2 sessions open, the maximum. End one first.' }
  expect(() => take('ann')).toThrow(expect.objectContaining(refusedAnn))
  take('bob')
  expect(() => take('bob')).toThrow('This controller has 3 sessions open, the maximum. End one first.')
  leave()
  leave()
  take('cleo')
  expect(() => take('bob')).toThrow('This controller has 3 sessions open')
})
