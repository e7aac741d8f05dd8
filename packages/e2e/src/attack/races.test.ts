// Does root touch what a process that left its session and emptied its environment puts in the way?
import { chmod, mkdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Checkout, newApp } from '../app.ts'
import { registered } from '../client.ts'
import { type Platform, startPlatform } from '../platform.ts'
import { processesAround } from '../processes.ts'

const rounds = 20

describe.skipIf(process.getuid?.() !== 0)('races with root (needs root)', () => {
  let platform: Platform
  let shop: Checkout
  beforeAll(async () => {
    platform = await startPlatform()
    shop = await newApp(await registered(platform, 'ann'), 'shop')
  })
  afterAll(() => platform?.stop())

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
        expect((await processesAround(platform.dataDir)).filter(({ command }) => command.includes('flip'))).toEqual([])
      }
    },
  )
})
