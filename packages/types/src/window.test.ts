// Does the flow control allow as much as the other side can hold, and no more?
import { expect, test } from 'vitest'
import { sessionWindow } from './terminal.ts'
import { readWindow, sendWindow } from './window.ts'

test('a sender waits while the window is full, until an acknowledgement or the end', async () => {
  const window = sendWindow()
  expect(await window.available()).toBe(sessionWindow)
  window.sent(sessionWindow)
  const order: string[] = []
  const later = window.available().then((free) => order.push(`available: ${free}`))
  await Promise.resolve()
  order.push('full')
  window.read(10)
  await later
  expect(order).toEqual(['full', 'available: 10'])
  window.sent(10)
  const released = window.available()
  window.release()
  expect(await released).toBe(Number.POSITIVE_INFINITY)
})

test('a receiver acknowledges in large parts, and detects a sender that sends too much', () => {
  const acknowledged: number[] = []
  const window = readWindow((bytes) => acknowledged.push(bytes))
  expect(window.got(sessionWindow)).toBe(true)
  window.used(1)
  expect(acknowledged).toEqual([])
  window.used(sessionWindow / 4)
  expect(acknowledged).toEqual([sessionWindow / 4 + 1])
  expect(window.got(sessionWindow / 4 + 1)).toBe(true)
  expect(window.got(1)).toBe(false)
})
