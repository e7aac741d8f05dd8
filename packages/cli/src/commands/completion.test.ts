// Do real shells complete our commands?
import { spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { deis, temporaryFolder } from '../testbed.ts'

const isHere = (shell: string): boolean =>
  (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, shell)))

async function scriptFor(shell: string): Promise<string> {
  const { code, stdout, stderr } = await deis(['completion', shell])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout
}

/** The output of a shell that runs `script` after the completion script, with the line to complete as its first argument. */
async function asked(shell: string, script: string, line: string): Promise<string[]> {
  const folder = temporaryFolder()
  const file = join(folder, 'script')
  writeFileSync(file, `${await scriptFor(shell)}\n${script}\n`)
  const { stdout, stderr, status } = spawnSync(shell, [file, line], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], HOME: folder },
    timeout: 20_000,
  })
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 })
  return stdout.split('\n').filter((word) => word !== '')
}

describe.skipIf(!isHere('bash'))('bash', () => {
  const script = 'COMP_LINE=$1; COMP_POINT=${#1}; _deis; for word in "${COMPREPLY[@]}"; do echo "$word"; done'
  const offered = (line: string): Promise<string[]> => asked('bash', script, line)

  test.each([
    ['deis doc', ['doctor']],
    ['deis apps:c', ['create']],
    ['deis help perms:', ['create', 'delete', 'list']],
    ['deis -c staging --debug logo', ['logout']],
    ['deis config --o', ['--oneline']],
    ['deis config:list -a foo --d', ['--diff', '--debug']],
    ['deis healthchecks:set r', ['readiness']],
    ['deis limits:set --memory --c', ['--cpu', '--config']],
    ['deis sharing:add eve --ad', ['--admin']],
    ['deis bogus ', []],
    ['deis run -a foo -- --', []],
  ])('%s', async (line, words) => {
    expect(await offered(line)).toEqual(words)
  })

  test.each(['deis config:push -p ', 'deis certs:add name ', 'deis -c ', 'deis apps:info -a '])(
    '%sis for files',
    async (line) => {
      expect(await offered(line)).toEqual([])
    },
  )

  test('offers topics, commands and shortcuts at first', async () => {
    expect(await offered('deis ')).toEqual(
      expect.arrayContaining(['apps', 'apps:create', 'create', 'git', 'help', 'version']),
    )
  })
})

describe.skipIf(!isHere('zsh'))('zsh', () => {
  test('can read the script', async () => {
    const { stderr, status } = spawnSync('zsh', ['-n'], { input: await scriptFor('zsh'), encoding: 'utf8' })
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 })
  })
})

describe.skipIf(!isHere('fish'))('fish', () => {
  test.each([
    ['deis apps:c', ['apps:create']],
    ['deis config:list --o', ['--oneline']],
    ['deis healthchecks:set r', ['readiness']],
  ])('%s', async (line, words) => {
    const offered = await asked('fish', 'complete -C $argv[1]', line)
    expect(offered.map((word) => word.split('\t')[0])).toEqual(words)
  })
})

test.each(['bash', 'zsh', 'fish'])('%s knows every option of a command', async (shell) => {
  const script = await scriptFor(shell)
  for (const option of ['period-seconds', 'cpu-percent', 'no-remote']) expect(script).toContain(option)
})

test('another shell is refused', async () => {
  expect(await deis(['completion', 'csh'])).toMatchObject({
    code: 1,
    stderr:
      "Error: command-argument value 'csh' is invalid for argument 'shell'. Allowed choices are bash, zsh, fish.\nUsage: deis completion [options] <shell>\n",
  })
})
