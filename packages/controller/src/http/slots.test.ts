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

test('who has a slot leaves the last ones to others', () => {
  const { take } = createSlots('imports', { perUser: 2, perController: 6, shared: 3 })
  for (const name of ['ann', 'ann', 'bob']) take(name)
  expect(() => take('bob')).toThrow('This controller has 3 imports open, the maximum. End one first.')
  const last = ['cleo', 'dan', 'eve'].map((name) => take(name))
  expect(() => take('fay')).toThrow('This controller has 6 imports open')
  last[0]?.()
  expect(() => take('dan')).toThrow('This controller has 5 imports open')
  take('fay')
})
