// Is each line of a followed log on the page once, also after the connection was lost?
import { expect, test } from 'vitest'
import { createFollowed } from './followed.ts'

const line = (second: number, text: string): string => `2026-01-02T03:04:0${second}+00:00 app[web.v2.abcde]: ${text}`
const textOf = (...lines: readonly string[]): string => lines.map((one) => `${one}\n`).join('')

test('a connection that breaks loses and repeats nothing, and what is there stays', () => {
  const followed = createFollowed(100)
  const [one, two, three, four] = [line(1, 'one'), line(2, 'two'), line(3, 'three'), line(4, 'four')]
  followed.begin(false)
  expect(followed.take(`${textOf(one, two)}${three.slice(0, 20)}`).lines).toEqual([one, two])
  expect(followed.begin(true).lines).toEqual([one, two])
  expect(followed.take(textOf(one, two, three)).lines).toEqual([one, two, three])
  expect(followed.take(textOf(four)).lines).toEqual([one, two, three, four])
})

test('only the newest lines are kept', () => {
  const followed = createFollowed(2)
  followed.begin(false)
  const shown = followed.take(textOf(line(1, 'one'), line(2, 'two'), line(3, 'three')))
  expect(shown).toEqual({ lines: [line(2, 'two'), line(3, 'three')], rest: '', first: 1 })
  followed.begin(true)
  expect(followed.take(textOf(line(2, 'two'), line(3, 'three'))).lines).toEqual([line(2, 'two'), line(3, 'three')])
})
