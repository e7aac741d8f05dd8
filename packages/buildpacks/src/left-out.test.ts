// Does a push say everything that is not in the app as it was pushed?
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestBuilder, type TestBuilder } from './testing.ts'

let t: TestBuilder
beforeAll(async () => {
  t = await openTestBuilder({ maxSlugBytes: 2 ** 20 })
})
afterAll(() => t.close())

const anyApp = { Procfile: 'web: x', 'bin/detect': '', 'package.json': '{"name":"x","version":"1.0.0"}' }

test('submodules, sockets and names that are not UTF-8, each in one line', async () => {
  const files = {
    ...anyApp,
    'bin/post-compile': '#!/bin/sh\nmkfifo left && printf x > "$(printf "caf\\351")" && ln package.json again\n',
  }
  const submodules = [{ path: 'lib/mod', sha: '1'.repeat(40) }]
  const { lines, result } = await t.build(files, { submodules })
  expect(lines.filter((line) => line.startsWith(' !'))).toEqual([
    ' !     Submodule lib/mod was not fetched, so its folder is empty. Commit its files if the app needs them.',
    ' !     Left out of the slug: ./caf\uFFFD (its name is not UTF-8)',
    ' !     Left out of the slug: ./left (not a file, a folder or a link)',
  ])
  expect(result.artifact.kind).toBe('slug')
})

test('hard links in what a build made do not hold it up', async () => {
  const files = {
    ...anyApp,
    'bin/post-compile':
      '#!/bin/sh\nfor i in $(seq 20); do mkdir d$i; echo $i > d$i/f; done\nfor i in $(seq 2 15); do ln d1/f d$i/l; done\n' +
      'echo MIT > ya; echo one > yb; ln yb zy; ln ya zz1\n',
  }
  const { result } = await t.build(files)
  const app = await t.unpack(result)
  const { readFile, stat } = await import('node:fs/promises')
  expect(await readFile(`${app}/zz1`, 'utf8')).toBe('MIT\n')
  expect((await stat(`${app}/d1/f`)).nlink).toBe(15)
})

test('a slug beyond the limit is a failed build that says so', async () => {
  const files = { ...anyApp, 'bin/post-compile': '#!/bin/sh\nhead -c 3000000 /dev/urandom > big\n' }
  await expect(t.build(files)).rejects.toThrow('The slug cannot be made: the app is larger than 1 MB when compressed.')
})
