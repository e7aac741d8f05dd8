// Are the words of the command line understood as docs/contract/cli.md §1 says: help, shortcuts, mistakes, plugins, profiles?
import { chmod, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { doctor } from '@deis/types'
import { expect } from 'vitest'
import { error, runDeis, type Words } from './says.ts'
import type { Actor, Scenario, World } from './world.ts'

const usage = 'Usage: deis <command> [<args>...]'
const unknown = 'Run `deis help` to list the commands.'

const verbs: Readonly<Record<string, string>> = {
  apps: 'create list info open logs run destroy transfer rename',
  auth: 'register login logout passwd whoami cancel regenerate',
  autoscale: 'list set unset',
  builds: 'list create',
  certs: 'list add remove info attach detach',
  config: 'list set unset pull push',
  domains: 'list add remove',
  git: 'remote remove',
  healthchecks: 'list set unset',
  keys: 'list add remove',
  labels: 'list set unset',
  limits: 'list set unset',
  maintenance: 'info on off',
  perms: 'list create delete',
  ps: 'list scale restart',
  registry: 'list set unset',
  releases: 'list info rollback',
  routing: 'info enable disable',
  shortcuts: 'list',
  tags: 'list set unset',
  tls: 'info enable disable',
  users: 'list',
  whitelist: 'list add remove',
}

const shortcuts = [
  'create -> apps:create',
  'destroy -> apps:destroy',
  // Ours: the original has no such command.
  'exec -> ps:exec',
  'info -> apps:info',
  'login -> auth:login',
  'logout -> auth:logout',
  'logs -> apps:logs',
  'open -> apps:open',
  'passwd -> auth:passwd',
  'pull -> builds:create',
  'register -> auth:register',
  'rename -> apps:rename',
  'rollback -> releases:rollback',
  'run -> apps:run',
  'run:detached -> ps:start',
  'scale -> ps:scale',
  'sharing -> perms:list',
  'sharing:add -> perms:create',
  'sharing:list -> perms:list',
  'sharing:remove -> perms:delete',
  'whoami -> auth:whoami',
]

/** What a help text says, after checking that it went to stdout with exit code 0. */
async function helpOf({ person }: Actor, words: Words): Promise<string> {
  const { code, stdout, stderr } = await runDeis(person, words)
  expect({ code, stderr }, String(words)).toEqual({ code: 0, stderr: '' })
  return stdout
}

async function help({ root }: World): Promise<void> {
  const general = await helpOf(root, 'help')
  for (const words of ['-h', '--help']) expect(await helpOf(root, words), words).toBe(general)
  for (const topic of [...Object.keys(verbs), 'version'])
    expect(general).toMatch(new RegExp(`^  ${topic} +[A-Za-z]`, 'm'))
  for (const line of shortcuts.filter((one) => !one.includes('-> auth:'))) expect(general).toContain(`  ${line}\n`)
  for (const word of ['login', 'logout', 'passwd', 'register', 'whoami'])
    expect(general).toMatch(new RegExp(`^  ${word} +deis auth:${word}$`, 'm'))
  expect(general.trimEnd().split('\n').at(-1)).toContain('git push deis master')

  // The help of every single command is looked at where the commands are declared.
  for (const topic of ['certs', 'perms']) {
    const shown = await helpOf(root, `help ${topic}`)
    for (const name of verbs[topic]?.split(' ') ?? [])
      expect(shown).toMatch(new RegExp(`^  ${topic}:${name} +[A-Za-z]`, 'm'))
  }
  const apps = await helpOf(root, 'help apps')
  for (const words of ['apps -h', '--help apps']) expect(await helpOf(root, words), words).toBe(apps)
  expect(await helpOf(root, 'auth')).toBe(await helpOf(root, 'help auth'))

  const set = await helpOf(root, 'help config:set')
  expect(set).toMatch(/^Usage: deis config:set \[options\] <var=value\.\.\.>\n\n.+\n\nArguments:\n.+\n\nOptions:\n/s)
  expect(await helpOf(root, 'config:set A=1 -h')).toBe(set)
  expect(await helpOf(root, 'help create')).toBe(await helpOf(root, 'apps:create --help'))
}

async function versions({ root: { deis, json, person } }: World): Promise<void> {
  const { stdout } = await runDeis(person, 'version')
  expect(stdout).toMatch(/^v\d+\.\d+\.\d+\n$/)
  await deis('-v', { stdout })
  const client = stdout.trim()
  await deis('version --all', [
    `Deis CLI Version:                 ${client}`,
    'Deis CLI API Version:             2.3',
    `Deis Controller Version:          ${client}`,
    'Deis Controller API Version:      2.3',
  ])
  expect(await json('version', null)).toEqual({ client })
  const file = join(person.home, '.deis/gone.json')
  await deis(
    'version -a',
    {
      ...error(
        `Client configuration file not found at: ${file}`,
        'Log in with `deis login <controller>`, or create an account with `deis register <controller>`.',
      ),
      stdout: [`Deis CLI Version:                 ${client}`, 'Deis CLI API Version:             2.3'],
    },
    { env: { DEIS_PROFILE: 'gone' } },
  )
  await json('doctor', doctor.response)
  await deis('shortcuts:list', [...shortcuts, ''])
  expect(await json('shortcuts', null)).toEqual(Object.fromEntries(shortcuts.map((line) => line.split(' -> '))))
}

async function mistakes({ root: { deis } }: World): Promise<void> {
  await deis([], { code: 1, stderr: [usage] })
  await deis('--all apps', {
    code: 1,
    stderr: ['Error: "--all" is not a command; options come after the command', usage],
  })
  await deis('bogus', error("unknown command 'bogus'", '(Did you mean logs?)', unknown))
  for (const words of ['apps:bogus', 'apps:bogus --help', 'help apps:bogus'])
    await deis(words, error("unknown command 'apps:bogus'", '(Did you mean apps:logs?)', unknown))
  await deis('apps-create', error("unknown command 'apps-create'", '(Did you mean apps:create?)', unknown))
  await deis('apps create', {
    code: 1,
    stderr: [
      "Error: too many arguments for 'apps:list'. Expected 0 arguments but got 1.",
      '(Did you mean apps:create?)',
      'Usage: deis apps:list [options]',
    ],
  })
  const misuse = (reason: string, form: string) => ({ code: 1, stderr: [`Error: ${reason}`, `Usage: deis ${form}`] })
  await deis('config:set', misuse("missing required argument 'var=value'", 'config:set [options] <var=value...>'))
  await deis('apps --bogus', misuse("unknown option '--bogus'", 'apps:list [options]'))
  await deis('ps -a one -a two', misuse("option '-a, --app <app>' is given twice", 'ps:list [options]'))
  await deis(
    'apps -l=5',
    misuse("option '-l, --limit <num>' argument '=5' is invalid. It must be a whole number.", 'apps:list [options]'),
  )
  await deis(
    'autoscale:set web --min=1 --max=2 -a foo',
    misuse("required option '--cpu-percent <num>' not specified", 'autoscale:set [options] <process-type>'),
  )
  await deis(
    'limits:unset web --memory --cpu -a foo',
    misuse("option '-m, --memory' cannot be used with option '--cpu'", 'limits:unset [options] <type...>'),
  )
  await deis('-c', error('-c needs the name or path of a profile', usage))
  await deis('auth:regenerate --all=true', {
    code: 1,
    stderr: ["Error: option '--all' takes no value", 'Usage: deis auth:regenerate [options]'],
  })
}

const plugin = '#!/bin/sh\nfor word in "$@"; do echo "<$word>"; done\necho "profile ${DEIS_PROFILE-none}" >&2\nexit 7\n'

async function plugins({ newActor }: World): Promise<void> {
  const { person, deis } = await newActor('plugger')
  const bin = join(person.home, 'plugins')
  await mkdir(bin)
  await writeFile(join(bin, 'deis-echo'), plugin)
  await chmod(join(bin, 'deis-echo'), 0o755)
  await writeFile(join(bin, 'deis-apps'), plugin)
  await chmod(join(bin, 'deis-apps'), 0o755)
  await writeFile(join(bin, 'deis-plain'), plugin)
  const env = { PATH: `${bin}:${person.env['PATH']}` }
  const gives = (words: string, given: readonly string[]) =>
    deis(words, { code: 7, stdout: given.map((word) => `<${word}>`), stderr: ['profile none'] }, { env })
  await gives('echo:bar a -x --y=z', ['bar', 'a', '-x', '--y=z'])
  await gives('echo:bar:baz', ['bar:baz'])
  await gives('help echo', ['--help'])
  await gives('echo -c other one --config=third two', ['one', 'two'])
  await deis('apps', ['=== Apps'], { env })
  await deis('plain', error("unknown command 'plain'", '(Did you mean drains?)', unknown), { env })
}

async function profiles({ newActor, platform }: World): Promise<void> {
  const { person, deis } = await newActor('prof')
  const { home } = person
  const folder = join(home, '.deis')
  const other = join(home, 'elsewhere/staging.json')
  const you = (name: string) => [`You are ${name} at ${platform.api}`]
  await copyFile(join(folder, 'client.json'), join(folder, 'staging.json'))
  const text = await readFile(join(folder, 'client.json'), 'utf8')
  await mkdir(join(home, 'elsewhere'))
  await writeFile(other, text.replace('"prof"', '"elsewhere"').replace(/}$/, ',"workspace":"kept"}'))
  await deis('whoami -c staging', you('prof'))
  await deis(`whoami --config=${other}`, you('elsewhere'))
  await deis(`-c ${other} whoami`, you('elsewhere'))
  await deis('whoami', you('prof'), { env: { DEIS_PROFILE: 'staging' } })
  await deis('whoami -c client', you('prof'), { env: { DEIS_PROFILE: other } })
  const missing = (file: string) =>
    error(
      `Client configuration file not found at: ${file}`,
      'Log in with `deis login <controller>`, or create an account with `deis register <controller>`.',
    )
  await deis('whoami -c gone', missing(join(folder, 'gone.json')))
  await deis('apps', missing(join(folder, 'x.json.json')), { env: { DEIS_PROFILE: 'x.json' } })
  // What other clients keep in it stays when it is written again, and nobody else can read it.
  await deis(`auth:regenerate --config=${other}`, ['Token Regenerated'])
  expect(JSON.parse(await readFile(other, 'utf8'))).toMatchObject({ workspace: 'kept', username: 'elsewhere' })
  await deis(
    'apps',
    error('Unauthorized: Missing or Invalid Token', `Log in again with \`deis login ${platform.api}\`.`),
  )
  await deis(`apps -c ${other}`, ['=== Apps'])
  await writeFile(join(folder, 'broken.json'), '{"username":7}')
  await deis(
    'apps -c broken',
    error(
      `Client configuration file ${join(folder, 'broken.json')} is invalid: username must be a string.`,
      'Correct it, or delete it and run `deis login <controller>`.',
    ),
  )
  // Behind -- nothing is an option of ours.
  await deis('apps -- -c client', {
    code: 1,
    stderr: [
      "Error: too many arguments for 'apps:list'. Expected 0 arguments but got 2.",
      'Usage: deis apps:list [options]',
    ],
  })
}

export const scenarios: readonly Scenario[] = [
  { name: 'help in all its forms', run: help },
  { name: 'versions and shortcuts', run: versions },
  { name: 'what is mistyped ends with 1 and says how it goes', run: mistakes },
  { name: 'plugins', run: plugins },
  { name: 'profiles', run: profiles },
]
