// What does `deis-server` answer before it has done anything?
import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Cancelled, Failure } from './failure.ts'
import { layout } from './layout.ts'
import { codeOf, run } from './program.ts'

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

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('a command that %s cancelled says so, and what failed all the same', (name, code) => {
  const lines: string[] = []
  const io = { err: (line: string) => lines.push(line), signal: AbortSignal.abort(new Cancelled(name)) }
  expect(codeOf(new DOMException('This operation was aborted', 'AbortError'), io)).toBe(code)
  expect(codeOf(new Failure('The upgrade failed.', 'See the log.'), io)).toBe(1)
  expect(lines).toEqual(['cancelled', 'Error: The upgrade failed.', 'See the log.'])
})
