// Is a project as people have them, with a lock file and packages of the registry, built to its end, and does it answer?
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newApp } from './app.ts'
import { run } from './child.ts'
import { type Person, registered } from './client.ts'
import { ask } from './http.ts'
import { cleanEnv, type Platform, root, startPlatform } from './platform.ts'

/** As the builds of the platform will ask for it. */
const registry = await run('npm', ['view', 'fastify@5', 'name', '--json', '--fetch-retries=0'], {
  cwd: root,
  env: cleanEnv(),
  seconds: 20,
})

describe.skipIf(registry.code !== 0)('projects with packages (need a registry that npm reaches)', () => {
  let platform: Platform
  let ann: Person
  beforeAll(async () => {
    platform = await startPlatform()
    ann = await registered(platform, 'ann')
  })
  afterAll(() => platform?.stop())

  test('fastify, installed by pnpm with its lock file, twice', async () => {
    const app = await newApp(ann, 'quick', {})
    await cp(join(root, 'packages/e2e/apps/fastify'), app.folder, { recursive: true })
    for (const round of ['first', 'again']) {
      await app.commit({ round })
      const { code, stderr } = await run('git', ['push', 'deis', 'master'], {
        cwd: app.folder,
        env: ann.env,
        seconds: 150,
      })
      expect([round, code, code === 0 ? '' : stderr]).toEqual([round, 0, ''])
      expect(stderr).toContain('-----> Installing dependencies with pnpm (pnpm-lock.yaml)')
      // What came after this line hung: its many hard links were packed one inside the other.
      expect(stderr).toMatch(/-----> Discovering process types[^]*-----> Compiled slug size is [1-9][\d.]*M/)
      expect(await ask(platform, 'quick')).toEqual({ status: 200, body: '{"hello":"fastify"}' })
    }
    const linked = await app.does(
      'run',
      'find node_modules/.pnpm -type f | wc -l; node -p "require(\'fastify/package.json\').version"',
    )
    expect(linked).toMatch(/^\d{3,}\n5\.\d+\.\d+$/m)
  }, 400_000)
})
