// Is each line shown once when a part of a log is read again?
import { describe, expect, test } from 'vitest'
import { createResume } from './resume.ts'

const line = (second: number, source: string, text: string): string =>
  `2026-01-02T03:04:${String(second).padStart(2, '0')}+00:00 ${source}: ${text}\n`

function shown(...readings: readonly (readonly string[])[]): string[][] {
  const resume = createResume(100)
  return readings.map((lines, index) => {
    if (index > 0) resume.again()
    return lines.filter((one) => resume.isNew(one))
  })
}

const web = 'app[web.v2.abcde]'
const worker = 'app[worker.v2.fghij]'

describe('a log that is read again', () => {
  test('everything is new at first, in any form and however often', () => {
    const lines = [line(1, web, 'a'), line(1, web, 'a'), 'odd\n', 'odd\n', line(0, worker, 'late')]
    expect(shown(lines)).toEqual([lines])
  })

  test('what was shown is not shown again, and what came after it is', () => {
    const [one, two, three] = [line(1, web, 'a'), line(2, web, 'b'), line(3, worker, 'c')]
    expect(shown([one, two], [one, two, three], [one, two, three])).toEqual([[one, two], [three], []])
  })

  test('equal lines of one second are counted', () => {
    const same = line(5, web, 'GET /')
    expect(shown([same, same], [same, same, same, line(6, web, 'x')], [same, same, same])).toEqual([
      [same, same],
      [same, line(6, web, 'x')],
      [],
    ])
  })

  test('a source whose clock is behind loses nothing', () => {
    const late = line(10, worker, 'y')
    expect(shown([line(8, worker, 'x'), line(40, web, 'a')], [line(8, worker, 'x'), late, line(40, web, 'a')])).toEqual(
      [[line(8, worker, 'x'), line(40, web, 'a')], [late]],
    )
  })

  test('a source that several controllers write, each with its own clock: what was shown is not repeated, what was missed is shown', () => {
    const controller = 'deis[controller]'
    const [scaled, late, missed] = [line(10, controller, 'a'), line(9, controller, 'b'), line(9, controller, 'c')]
    const first = line(8, controller, 'first')
    expect(shown([first, scaled, late], [first, late, missed, scaled], [first, late, missed, scaled])).toEqual([
      [first, scaled, late],
      [missed],
      [],
    ])
  })

  test('only the newest lines are remembered, and older ones are not shown again', () => {
    const lines = Array.from({ length: 30 }, (_, n) => line(Math.floor(n / 10), web, `text ${n}`))
    const resume = createResume(15)
    expect(lines.filter((one) => resume.isNew(one))).toEqual(lines)
    resume.again()
    const next = line(4, web, 'next')
    expect([...lines, next].filter((one) => resume.isNew(one))).toEqual([next])
  })

  test('lines that were cut off before the first one, in its second, stay hidden', () => {
    const [cut, first, last] = [line(3, web, 'cut'), line(3, web, 'first'), line(4, web, 'last')]
    expect(shown([first, last], [cut, first, last])).toEqual([[first, last], []])
  })

  test('lines before the first ones stay hidden, and new sources are shown', () => {
    const old = [line(1, worker, 'old'), line(2, web, 'older than shown')]
    const first = [line(3, web, 'shown')]
    const fresh = line(4, 'app[web.v3.klmno]', 'new pod')
    expect(shown(first, [...old, ...first, fresh])).toEqual([first, [fresh]])
  })

  test('after a first reading without lines everything is new', () => {
    expect(shown([], [line(1, web, 'a')])).toEqual([[], [line(1, web, 'a')]])
  })

  test.each([1, 2, 3, 4, 5, 6, 7, 8])('each line once, wherever the connection breaks (seed %i)', (seed) => {
    let state = seed
    const random = (below: number): number => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
      return Math.floor((state / 2_147_483_648) * below)
    }
    // In order of arrival; sources have different delays.
    const sources = ['deis[controller]', web, worker]
    const all = Array.from({ length: 300 }, (_, n) => {
      const which = random(sources.length)
      // Another controller, whose clock is behind.
      const behind = which === 0 && n > 40 ? random(3) : 0
      return line(Math.floor(n / 8) + which - behind, sources[which] ?? web, `text ${random(3)}`)
    })
    const second = (one: string): number => Number(one.slice(17, 19))
    const resume = createResume(400)
    const seen: string[] = []
    let from = 0
    while (from < all.length) {
      const to = from + 1 + random(60)
      // Existing lines come sorted, later ones as they arrive.
      const there = all.slice(0, from).toSorted((one, other) => second(one) - second(other))
      const missed = all.slice(from, to)
      for (const one of [...there, ...missed]) if (resume.isNew(one)) seen.push(one)
      resume.again()
      from = to
    }
    expect(seen).toEqual(all)
  })
})
