// Is an answer cached for its time, and a failure never?
import { expect, test } from 'vitest'
import { remember } from './remember.ts'

const second = (): number => 1000

test('one answer for its time, then another', async () => {
  let clock = 0
  let asked = 0
  const what = remember(
    second,
    async () => ++asked,
    () => clock,
  )
  expect(await Promise.all([what.get(), what.get()])).toEqual([1, 1])
  clock = 999
  expect(await what.get()).toBe(1)
  clock = 1000
  expect(await what.get()).toBe(2)
})

test('a failure is not cached', async () => {
  let asked = 0
  const what = remember(second, async () => {
    if (++asked === 1) throw new Error('away')
    return asked
  })
  await expect(what.get()).rejects.toThrow('away')
  expect(await what.get()).toBe(2)
})

test('an answer that may change soon is cached for a shorter time', async () => {
  let clock = 0
  const answers = [false, true, false]
  const what = remember(
    (good) => (good === true ? 1000 : 10),
    async () => answers.shift(),
    () => clock,
  )
  expect(await what.get()).toBe(false)
  clock = 10
  expect(await what.get()).toBe(true)
  clock = 1009
  expect(await what.get()).toBe(true)
})
