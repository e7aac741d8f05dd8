// Does a window let through as much as the other side has room for, and no more?
import { expect, test } from 'vitest'
import { sessionWindow } from './terminal.ts'
import { readWindow, sendWindow } from './window.ts'

test('who sends waits when the window is full, until something is read or nobody is there', async () => {
  const window = sendWindow()
  expect(await window.room()).toBe(sessionWindow)
  window.sent(sessionWindow)
  const order: string[] = []
  const later = window.room().then((free) => order.push(`room for ${free}`))
  await Promise.resolve()
  order.push('full')
  window.read(10)
  await later
  expect(order).toEqual(['full', 'room for 10'])
  window.sent(10)
  const released = window.room()
  window.release()
  expect(await released).toBe(Number.POSITIVE_INFINITY)
})

test('who reads tells it in large parts, and notices who sends too much', () => {
  const told: number[] = []
  const window = readWindow((bytes) => told.push(bytes))
  expect(window.got(sessionWindow)).toBe(true)
  window.used(1)
  expect(told).toEqual([])
  window.used(sessionWindow / 4)
  expect(told).toEqual([sessionWindow / 4 + 1])
  expect(window.got(sessionWindow / 4 + 1)).toBe(true)
  expect(window.got(1)).toBe(false)
})
