// Is a stream given on whole, however much of it was read first?
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { begun } from './begun.ts'

const chunks = ['abc', 'def', 'ghi'].map((text) => Buffer.from(text))

test.each([
  [2, true],
  [3, true],
  [8, true],
  [9, false],
  [100, false],
])('more than %i bytes: %s', async (most, isLarge) => {
  const source = Readable.from(chunks)
  const found = await begun(source, most)
  expect(found.small?.toString() ?? null).toBe(isLarge ? null : 'abcdefghi')
  expect((await buffer(found.all)).toString()).toBe('abcdefghi')
  expect(source.destroyed).toBe(true)
})

test('nothing, a failure, and one that is no longer wanted', async () => {
  expect((await begun(Readable.from([]), 5)).small).toEqual(Buffer.alloc(0))
  const broken = new Readable({ read: () => void broken.destroy(new Error('it broke')) })
  await expect(begun(broken, 5)).rejects.toThrow('it broke')
  const source = Readable.from(chunks)
  const { all } = await begun(source, 2)
  for await (const _ of all) break
  expect(source.destroyed).toBe(true)
})
