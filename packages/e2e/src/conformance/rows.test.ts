// Is every row of docs/contract/api.md §8, and every defect of §7 that HTTP shows, named by a test of the suite?
import { readdir, readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'

/** The quoted texts that speak of rows or of defects: they are names of tests, while comments have no quotes. */
async function names(): Promise<string[]> {
  const folder = new URL('.', import.meta.url)
  const files = (await readdir(folder)).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  const texts = await Promise.all(files.map((file) => readFile(new URL(file, folder), 'utf8')))
  return texts.flatMap((text) => text.match(/'[^'\n]*(\brows? \d|#\d)[^'\n]*'/g) ?? [])
}

test('all twenty rows', async () => {
  const all = await names()
  const rows = all.flatMap((name) =>
    [...name.matchAll(/\brows? ((?:\d+(?: and |, )?)+)/g)].map(([, list]) => list ?? ''),
  )
  const named = new Set(rows.flatMap((list) => list.match(/\d+/g) ?? []).map(Number))
  expect(Array.from({ length: 20 }, (_, index) => index + 1).filter((row) => !named.has(row))).toEqual([])
})

test('the mended defects that HTTP shows', async () => {
  const named = new Set((await names()).flatMap((name) => name.match(/(?<=#)\d+/g) ?? []).map(Number))
  const visible = [1, 9, 11, 14, 16, 19, 20, 21, 22, 28, 29, 30, 31, 33, 34, 35, 36, 37, 39]
  expect(visible.filter((row) => !named.has(row))).toEqual([])
})
