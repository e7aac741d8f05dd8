// Do help, versions, plugins and invalid command lines behave as in the contract?
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { usage } from './help/help.ts'
import { shortcuts, topics } from './help/topics.ts'
import { deis, homeOf, startController, temporaryFolder } from './testbed.ts'
import { clientVersion } from './http/version.ts'

describe('an invalid command line exits with 1, a reason and the usage, without a request', () => {
  const runUsage = 'Usage: deis apps:run [options] [--] <command...>'
  const listUsage = 'Usage: deis apps:list [options]'
  test.each([
    [[], '', usage],
    [['-c', 'x'], '', usage],
    [['-c'], 'Error: -c needs the name or path of a profile\n', usage],
    [['-a', 'foo', 'logs'], 'Error: "-a" is not a command; options come after the command\n', usage],
    [
      ['apps:creat'],
      "Error: unknown command 'apps:creat'\n(Did you mean apps:create?)\n",
      'Run `deis help` to list the commands.',
    ],
    [
      ['app:list'],
      "Error: unknown command 'app:list'\n(Did you mean apps:list?)\n",
      'Run `deis help` to list the commands.',
    ],
    [['zzz'], "Error: unknown command 'zzz'\n", 'Run `deis help` to list the commands.'],
    // Short names and topics may be meant, too.
    [['scael'], "Error: unknown command 'scael'\n(Did you mean scale?)\n", 'Run `deis help` to list the commands.'],
    [
      ['dommains'],
      "Error: unknown command 'dommains'\n(Did you mean domains?)\n",
      'Run `deis help` to list the commands.',
    ],
    [
      ['help', 'ps:scael'],
      "Error: unknown command 'ps:scael'\n(Did you mean ps:scale?)\n",
      'Run `deis help` to list the commands.',
    ],
    [['ps:frobnicate', '--help'], "Error: unknown command 'ps:frobnicate'\n", 'Run `deis help` to list the commands.'],
    [
      ['version:x'],
      "Error: unknown command 'version:x'\n(Did you mean version?)\n",
      'Run `deis help` to list the commands.',
    ],
    [['../x'], "Error: unknown command '../x'\n", 'Run `deis help` to list the commands.'],
    [['__proto__'], "Error: unknown command '__proto__'\n", 'Run `deis help` to list the commands.'],
    [
      ['apps', 'create'],
      "Error: too many arguments for 'apps:list'. Expected 0 arguments but got 1.\n(Did you mean apps:create?)\n",
      listUsage,
    ],
    [['apps:list', '--foo'], "Error: unknown option '--foo'\n", listUsage],
    [['apps', '-l'], "Error: option '-l, --limit <num>' argument missing\n", listUsage],
    [
      ['apps', '-l=5'],
      "Error: option '-l, --limit <num>' argument '=5' is invalid. It must be a whole number.\n",
      listUsage,
    ],
    [['apps', '-l', '1', '--limit=2'], "Error: option '-l, --limit <num>' is given twice\n", listUsage],
    [['run'], "Error: missing required argument 'command'\n", runUsage],
    [['run', 'ls', '-la'], "Error: unknown option '-la'\n", runUsage],
    [['run', '-a', 'x', '-a', 'y', 'ls'], "Error: option '-a, --app <app>' is given twice\n", runUsage],
    [
      ['auth:regenerate', '--all=true'],
      "Error: option '--all' takes no value\n",
      'Usage: deis auth:regenerate [options]',
    ],
    [
      ['rollback', 'x'],
      "Error: command-argument value 'x' is invalid for argument 'version'. A release looks like v2.\n",
      'Usage: deis releases:rollback [options] [version]',
    ],
    [['login'], "Error: missing required argument 'controller'\n", 'Usage: deis auth:login [options] <controller>'],
    [['config', '--o', '--on'], "Error: option '--oneline' is given twice\n", 'Usage: deis config:list [options]'],
    [
      ['create', 'a', 'b'],
      "Error: too many arguments for 'apps:create'. Expected 1 argument but got 2.\n",
      'Usage: deis apps:create [options] [id]',
    ],
  ])('%j', async (argv, reason, how) => {
    const controller = await startController({})
    const { code, stdout, stderr } = await deis(argv, { home: homeOf(controller) })
    expect({ code, stdout, stderr, requests: controller.requests }).toEqual({
      code: 1,
      stdout: '',
      stderr: `${reason}${how}\n`,
      requests: [],
    })
  })
})

describe('help', () => {
  test.each([[['help']], [['--help']], [['-h']]])('%j is the overview', async (argv) => {
    const { code, stdout, stderr } = await deis(argv)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    for (const name of [...Object.keys(topics), ...Object.keys(shortcuts)]) expect(stdout).toContain(`  ${name} `)
    expect(stdout).toContain('git push deis master')
  })

  test.each([
    [['help', 'keys'], 0],
    [['keys', '--help'], 0],
    [['-h', 'keys'], 0],
  ])('%j lists the verbs of the topic', async (argv, code) => {
    expect(await deis(argv)).toMatchObject({
      code,
      stderr: '',
      stdout: expect.stringMatching(/keys:list .*\n.*keys:add /) as string,
    })
  })

  test.each(['auth', 'git'])('%s alone lists its verbs', async (topic) => {
    const { code, stdout } = await deis([topic])
    expect(code).toBe(0)
    expect(stdout).toMatch(new RegExp(`${topic}:re`))
  })

  test.each([
    [['help', 'create']],
    [['apps:create', '-h']],
    [['apps:create', 'x', '--bogus', '--help']],
    [['create', '--he']],
    [['help', 'apps:create']],
  ])('%j explains the command', async (argv) => {
    const { code, stdout, stderr } = await deis(argv)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(
      /^Usage: deis apps:create \[options\] \[id\]\n\ncreate an app\n\nArguments:\n {2}id .*\n\nOptions:\n(?:.*\n)* {2}-r, --remote <name> /,
    )
    expect(stdout).toContain('-c, --config <profile>')
  })

  test('every command is described, with all its arguments and options', async () => {
    for (const [topic, { alone }] of Object.entries(topics)) {
      const verbs =
        alone === 'itself' ? [topic] : (await deis(['help', topic])).stdout.match(new RegExp(`${topic}:\\w+`, 'g'))
      expect(verbs).not.toBeNull()
      for (const verb of verbs ?? []) {
        const { stdout } = await deis([verb, '--help'])
        expect(stdout).toMatch(/^Usage: .*\n\n\S/)
        expect(stdout).not.toMatch(/^ {2}(?:-.*>|--\S+|\w+)$/m)
      }
    }
  })
})

test.each([[['version']], [['--version']], [['-v']]])('%j', async (argv) => {
  expect(await deis(argv)).toMatchObject({ code: 0, stdout: `${clientVersion}\n`, stderr: '' })
  expect(clientVersion).toMatch(/^v\d+\.\d+\.\d+$/)
})

describe('version --all', () => {
  test('requests the API version without a token', async () => {
    const controller = await startController({ 'GET /healthz': { text: 'OK', headers: { DEIS_API_VERSION: '2.9' } } })
    expect(await deis(['version', '--all'], { home: homeOf(controller) })).toMatchObject({
      code: 0,
      stdout: `Deis CLI Version:                 ${clientVersion}\nDeis CLI API Version:             2.3\nDeis Controller API Version:      2.9\n`,
    })
    expect(controller.headers[0]).not.toHaveProperty('authorization')
  })

  test('prints its own versions before it fails', async () => {
    const { code, stdout, stderr } = await deis(['version', '-a'])
    expect({ code, lines: stdout.split('\n').length }).toEqual({ code: 1, lines: 3 })
    expect(stderr).toContain('Client configuration file not found')
  })
})

test('shortcuts', async () => {
  const { code, stdout } = await deis(['shortcuts'])
  expect(code).toBe(0)
  expect(stdout).toMatch(/^create -> apps:create\ndestroy -> apps:destroy\n/)
  expect(stdout).toMatch(/whoami -> auth:whoami\n\n$/)
})

test('users', async () => {
  const results = [
    { username: 'bob', is_superuser: true },
    { username: 'eve', is_superuser: false },
  ]
  const controller = await startController({ 'GET /v2/users/?limit=100': { json: { count: 2, results } } })
  expect(await deis(['users'], { home: homeOf(controller) })).toMatchObject({
    code: 0,
    stdout: '=== Users (*=admin)\n*bob\neve\n',
  })
})

describe('doctor', () => {
  test('prints the checks', async () => {
    const checks = [
      { name: 'git', status: 'ok', detail: '2.39' },
      { name: 'limits', status: 'limited', detail: 'not enforced\nas there are no cgroups' },
      { name: 'images', status: 'missing', detail: 'no container engine' },
    ]
    const controller = await startController({
      'GET /v2/doctor/': { json: { scheduler: 'process', version: '2.3.0', checks } },
    })
    expect(await deis(['doctor'], { home: homeOf(controller) })).toMatchObject({
      code: 0,
      stdout: `=== Doctor
scheduler: process
version:   2.3.0

ok       git     2.39
limited  limits  not enforced
                 as there are no cgroups
missing  images  no container engine
`,
    })
  })

  const checks = [
    { name: 'git', status: 'ok', detail: '2.39' },
    { name: 'images', status: 'missing', detail: 'no container engine' },
    { name: 'firewall', status: 'limited', detail: 'open\nto all', concern: 'exposed' },
  ]
  const broken = { name: 'nodes', status: 'missing', detail: '0 of 3', concern: 'broken' }
  const serving = (found: readonly object[]) =>
    startController({ 'GET /v2/doctor/': { json: { scheduler: 'process', version: '2.3.0', checks: found } } })

  test('shows broken checks in red and restricted ones in yellow, on a terminal', async () => {
    const home = homeOf(await serving([...checks, broken]))
    const { stdout } = await deis(['doctor'], { home, stdoutIsTty: true })
    expect(stdout.split('\n').slice(-6)).toEqual([
      'ok       git       2.39',
      '\u001b[33mmissing  images    no container engine\u001b[39m',
      '\u001b[31mlimited  firewall  open\u001b[39m',
      '\u001b[31m                   to all\u001b[39m',
      '\u001b[31mmissing  nodes     0 of 3\u001b[39m',
      '',
    ])
  })

  test.each([
    ['pipes', {}],
    ['terminals with NO_COLOR', { stdoutIsTty: true, env: { NO_COLOR: '1' } }],
  ])('shows no colours in %s', async (_, world) => {
    const { stdout } = await deis(['doctor'], { home: homeOf(await serving([...checks, broken])), ...world })
    expect(stdout).not.toContain('\u001b')
  })

  test.each([
    ['what is only restricted or open to others', checks, 0],
    ['what is broken', [...checks, broken], 1],
  ])('of %s', async (_, found, code) => {
    const home = homeOf(await serving(found))
    expect((await deis(['doctor'], { home })).code).toBe(code)
    const json = await deis(['doctor', '--json'], { home })
    expect([json.code, JSON.parse(json.stdout)]).toMatchObject([code, { checks: found }])
  })

  test('another controller has none', async () => {
    const controller = await startController({ 'GET /v2/doctor/': { status: 404, text: '<html>' } })
    expect(await deis(['doctor'], { home: homeOf(controller) })).toMatchObject({
      code: 1,
      stderr: 'Error: This controller does not have checks.\nIt is an older version, or another implementation.\n',
    })
  })
})

describe('plugins', () => {
  function plugin(name: string, script: string): { home: string; env: { PATH: string } } {
    const home = temporaryFolder()
    writeFileSync(join(home, name), `#!/bin/sh\n${script}\n`)
    chmodSync(join(home, name), 0o755)
    return { home, env: { PATH: `${temporaryFolder()}${delimiter}${home}${delimiter}${process.env['PATH']}` } }
  }
  const record = 'for word in "$@"; do echo "$word"; done > "$HOME/words"; exit 7'

  test.each([
    [['foo'], []],
    [
      ['foo:bar', 'a', '-x', '--y=z'],
      ['bar', 'a', '-x', '--y=z'],
    ],
    [['foo:bar:baz'], ['bar:baz']],
    [['help', 'foo'], ['--help']],
    [
      ['-c', 'p', 'foo', '-c', 'q', '--debug', '--', '-c', 'r'],
      ['--debug', '--', '-c', 'r'],
    ],
  ])('%j passes on %j, and returns the exit code', async (argv, words) => {
    const { home, env } = plugin('deis-foo', record)
    expect(await deis(argv, { home, env })).toMatchObject({ code: 7, stdout: '', stderr: '' })
    expect(readFileSync(join(home, 'words'), 'utf8')).toBe(words.map((word) => `${word}\n`).join(''))
  })

  test('a signal gives the exit code of shells', async () => {
    const { home, env } = plugin('deis-foo', 'kill -TERM $$')
    expect(await deis(['foo'], { home, env })).toMatchObject({ code: 143 })
  })

  test('built-in topics cannot be replaced, and a file that is not executable is ignored', async () => {
    const { home, env } = plugin('deis-version', record)
    expect(await deis(['version'], { home, env })).toMatchObject({ code: 0, stdout: `${clientVersion}\n` })
    writeFileSync(join(home, 'deis-foo'), 'text')
    expect(await deis(['foo'], { home, env })).toMatchObject({ code: 1 })
  })
})

test('a spinner turns on a terminal, and leaves nothing behind', async () => {
  const controller = await startController({ 'POST /v2/apps/foo/': {} })
  const { stdout } = await deis(['apps:transfer', 'eve', '-a', 'foo'], { home: homeOf(controller), stdoutIsTty: true })
  expect(stdout).toBe('Transferring foo to eve... ...\b\b\b   \b\b\bdone\n')
})
