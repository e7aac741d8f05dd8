// Does anything of an app outlive it that left its session and emptied its environment, and does root touch what such a one puts in the way?
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Checkout, newApp } from '../app.ts'
import { type Person, registered } from '../client.ts'
import { self } from '../http.ts'
import { type Platform, startPlatform } from '../platform.ts'
import { until } from '../until.ts'

const rounds = 20

/** How many processes of this machine have the text in their command. */
async function count(text: string): Promise<number> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
  return lines.filter((line) => line.replaceAll('\0', ' ').includes(text)).length
}

describe.skipIf(process.getuid?.() !== 0)('what hides from the platform (needs root)', () => {
  let platform: Platform
  let ann: Person
  let shop: Checkout
  const hide = (seconds: number): string => `env -i setsid sleep ${seconds} </dev/null >/dev/null 2>&1 &`
  beforeAll(async () => {
    platform = await startPlatform()
    ann = await registered(platform, 'ann')
    shop = await newApp(ann, 'shop')
    await shop.deploy({
      Procfile: `web: ${hide(64_001)} exec node server.mjs\n`,
      'bin/post-compile': `#!/bin/sh\n${hide(64_002)}\n`,
    })
  })
  afterAll(() => platform?.stop())

  test('of a build, nothing goes on', async () => {
    expect(await count('sleep 64002')).toBe(0)
    await shop.commit({ 'bin/post-compile': `#!/bin/sh\n${hide(64_003)}\nexit 1\n` })
    expect((await shop.push()).code).not.toBe(0)
    expect(await count('sleep 64003')).toBe(0)
    await shop.commit({ 'bin/post-compile': null })
  })

  test('of a one-off command, nothing goes on', async () => {
    await shop.does('run', '--', `${hide(64_004)} sleep 0.2; echo done`)
    expect(await count('sleep 64004')).toBe(0)
  })

  test('an app sees no process but its own, and none has its command in an argument', async () => {
    const { pid } = await self(platform, 'shop')
    const { stdout } = await shop.deis(
      'run',
      '--',
      `cat /proc/[0-9]*/cmdline | tr '\\0' ' '; sleep 1 # password=hunter2`,
    )
    expect(stdout).not.toContain('server.mjs')
    expect(stdout).not.toContain('controller')
    expect(pid).toBeGreaterThan(1)
    const slow = shop.deis('run', '--', `sleep 3 # password=hunter4`)
    await until({ what: 'it runs' }, async () => (await count('sleep 3')) > 0)
    // The client that was told the command is the user's own.
    expect(await count('hunter4')).toBe(1)
    await slow
  })

  test('scaled to nothing, nothing is left', async () => {
    expect(await count('sleep 64001')).toBe(1)
    await shop.does('scale', 'web=0')
    await until({ what: 'its process has ended' }, async () => (await count('sleep 64001')) === 0)
    await shop.does('scale', 'web=1')
    await until({ what: 'it is back' }, async () => (await count('sleep 64001')) === 1)
  })

  test(
    'the cache of the build before, with links put in its way, opens nothing of root',
    { timeout: 900_000 },
    async () => {
      const secret = join(platform.folder, 'secret')
      await mkdir(secret, { mode: 0o700 })
      await writeFile(join(secret, 'file'), 'root', { mode: 0o600 })
      await chmod(secret, 0o700)
      const flip = `#!/bin/sh
cd "$2" || exit 1
cat >flip <<'END'
while :; do for i in 1 2 3 4; do mkdir -p d$i/x; : >d$i/x/f; mv d$i e$i; ln -s ${secret} d$i; rm -f d$i; rm -rf e$i; done; done
END
for i in 1 2 3; do env -i PATH="$PATH" setsid sh ./flip </dev/null >/dev/null 2>&1 & done
sleep 0.1
`
      await shop.commit({ 'bin/post-compile': flip })
      for (let round = 0; round < rounds; round++) {
        await shop.commit({ round: String(round) })
        const { code, stderr } = await shop.push()
        expect([round, code, code === 0 ? '' : stderr]).toEqual([round, 0, ''])
        const [folder, file] = [await stat(secret), await stat(join(secret, 'file'))]
        expect([folder.uid, folder.mode & 0o777, file.uid, file.mode & 0o777]).toEqual([0, 0o700, 0, 0o600])
        expect(await count('./flip')).toBe(0)
      }
    },
  )

  test('destroyed, nothing is left', async () => {
    await shop.does('apps:destroy', '--confirm=shop')
    expect(await count('sleep 6400')).toBe(0)
  })
})
