// What becomes of backups when the program is killed, or the disk gets full, at any moment?
import { existsSync } from 'node:fs'
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Checkout } from './app.ts'
import { type Result, run, start } from './child.ts'
import { cleanEnv, type Platform, root } from './platform.ts'
import { processesAround } from './processes.ts'
import { withApp } from './with-app.ts'

let platform: Platform
let shop: Checkout
let target: string

const program = join(root, 'dist/server/main.js')

const options = (env: NodeJS.ProcessEnv = {}) => ({
  cwd: platform.folder,
  env: {
    ...cleanEnv(),
    ...platform.database.env,
    DEIS_DATA_DIR: platform.dataDir,
    DEIS_BACKUP_TO: target,
    NO_COLOR: '1',
    ...env,
  },
})
const server = (...args: string[]): Promise<Result> => run(process.execPath, [program, ...args], options())

const content = (folder: string): Promise<string[]> => readdir(folder, { recursive: true }).catch(() => [])

const newest = async (): Promise<string> =>
  join(
    target,
    (await readdir(target))
      .filter((name) => name.endsWith('.tar.gz'))
      .toSorted()
      .at(-1) ?? '',
  )

withApp(async (given) => {
  ;({ platform, shop } = given)
  target = join(platform.folder, 'backups')
})

describe.sequential('a backup', () => {
  beforeAll(async () => {
    await shop.deploy()
    expect((await server('backup')).code).toBe(0)
  })

  test('that is killed at any moment leaves the ones before as they were, and the next is whole', async () => {
    const before = await content(target)
    for (let ms = 150; ms < 3000; ms += 190) {
      const making = start(process.execPath, [program, 'backup'], options())
      const timer = setTimeout(() => making.signal('SIGKILL'), ms)
      await making.ended
      clearTimeout(timer)
    }
    expect(await content(target)).toEqual(expect.arrayContaining(before))
    expect((await server('backup')).code).toBe(0)
    expect((await server('backups')).code).toBe(0)
    expect(await readdir(join(platform.dataDir, '.backup'))).toEqual(['lock'])
  })

  test('whose proof is killed is listed as not proven, and the next one clears up', async () => {
    for (const ms of [0, 400, 800, 1200, 1600]) {
      const making = start(process.execPath, [program, 'backup'], options({ DEIS_BACKUP_PROOF_APP: 'shop' }))
      await making.says(' in ')
      const timer = setTimeout(() => making.signal('SIGKILL'), ms)
      const { code } = await making.ended
      clearTimeout(timer)
      if (code === 0) continue
      const listed = await server('backups')
      expect([listed.code, listed.stderr]).toEqual([1, 'The newest backup is not proven: its proof did not end.\n'])
    }
    expect((await server('backup')).code).toBe(0)
    expect((await server('backups')).code).toBe(0)
    expect(await readdir(join(platform.dataDir, '.backup'))).toEqual(['lock'])
    expect(existsSync(join(platform.dataDir, '.backup-app'))).toBe(false)
    expect((await processesAround(join(platform.dataDir, '.backup'))).map(({ pid }) => pid)).toEqual([])
  })

  test('for which the disk gets full in the middle, of itself or of its proof, says so, and others stay', async ({
    skip,
  }) => {
    const before = await content(target)
    const work = join(platform.dataDir, '.backup')
    const bare = { cwd: '/', env: cleanEnv() }
    const ends: number[] = []
    for (let kilobytes = 64; ends.at(-1) !== 0; kilobytes = Math.round(kilobytes * 1.6)) {
      const mounted = await run('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k`, 'tmpfs', work], bare)
      skip(mounted.code !== 0, 'only root mounts a small disk')
      try {
        const made = await server('backup')
        ends.push(made.code ?? -1)
        if (made.code !== 0) expect(`${kilobytes} KB: ${made.stderr}`).toMatch(/the disk (of ".*" )?is full|unpacks to/)
      } finally {
        await run('umount', [work], bare)
      }
    }
    expect(ends.length).toBeGreaterThan(3)
    expect(await content(target)).toEqual(expect.arrayContaining(before))
  })

  test('for which the disk is too small is refused with the sizes, made or restored', async ({ skip }) => {
    const disk = join(platform.folder, 'small-disk')
    await mkdir(disk)
    const bare = { cwd: '/', env: cleanEnv() }
    const mounted = await run('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', disk], bare)
    skip(mounted.code !== 0, 'only root mounts a small disk')
    try {
      const made = await server('backup', '--to', disk)
      expect(made.code).toBe(1)
      expect(made.stderr).toMatch(
        /^Error: The backup needs up to \d+ KB in ".*", and 16 KB are free\.\nFree some space/,
      )
      expect(await content(disk)).toEqual([])
      const restored = await server('restore', await newest(), '--to', disk)
      expect(restored.code).toBe(1)
      expect(restored.stderr).toMatch(
        /^Error: (The backup unpacks to \d+ KB, and ".*" has \d+ KB free|The disk of ".*" is full)/,
      )
      expect(await content(disk)).toEqual([])
    } finally {
      await run('umount', [disk], bare)
    }
  })
})
