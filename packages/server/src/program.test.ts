// What does `deis-server` answer before it has done anything?
import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { layout } from './layout.ts'
import { run } from './program.ts'

async function ask(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const [out, err]: [string[], string[]] = [[], []]
  const io = { out: (line: string) => out.push(line), err: (line: string) => err.push(line) }
  const code = await run(argv, { ...io, env: {}, signal: new AbortController().signal })
  return { code, out: out.join('\n'), err: err.join('\n') }
}

test('help is a command, and an option of each', async () => {
  const { code, out } = await ask('help')
  expect([code, out]).toEqual([0, (await ask('--help')).out])
  expect((await ask('help', 'upgrade')).out).toBe((await ask('upgrade', '--help')).out)
  expect((await ask('no-such-command')).code).toBe(2)
})

test.skipIf(existsSync(layout.programs))(
  'a dry run ends as the run itself would (nothing installed here)',
  async () => {
    expect(await ask('uninstall', '--dry-run')).toEqual({
      code: 1,
      out: '',
      err: 'Error: The platform is not installed on this machine.',
    })
  },
)
