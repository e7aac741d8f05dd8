// Are variables set, listed, pulled and pushed as docs/contract/cli.md §2.6 says, and releases listed as §2.17 says?
import { generateKeyPairSync } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { listReleases, Release } from '@deis/types'
import { expect } from 'vitest'
import { error } from './says.ts'
import type { Scenario, World } from './world.ts'

async function variables(world: World): Promise<void> {
  const { app, deis, json } = await world.newApp('vars')
  const { person } = world.owner
  const heading = `=== ${app} Config`
  const shown = (title: string, ...lines: string[]): string[] => [`${title} config... done`, '', heading, ...lines]
  await deis('config', [heading])
  await deis('config:set LONG_NAME=1 B=two=2 #skipped', shown('Creating', 'B              two=2', 'LONG_NAME      1'))
  await deis(
    ['config:set', 'WORDS=a b', 'EMPTY='],
    [...shown('Creating', 'B              two=2', 'EMPTY          ', 'LONG_NAME      1', 'WORDS          a b')],
  )
  await deis('config --oneline --diff', ['B=two=2 EMPTY= LONG_NAME=1 WORDS=a b'])
  await deis('config --diff', ['B=two=2', 'EMPTY=', 'LONG_NAME=1', 'WORDS=a b'])
  expect(await json('config', null)).toEqual({ B: 'two=2', EMPTY: '', LONG_NAME: '1', WORDS: 'a b' })
  await deis('config:unset EMPTY B', shown('Removing', 'LONG_NAME      1', 'WORDS          a b'))
  await deis('config:set LONG_NAME=1', {
    ...error('owner changed nothing - release stopped'),
    stdout: ['Creating config... '],
  })
  const looks = 'Use KEY=value; a KEY has letters, digits and _, and does not begin with a digit.'
  for (const word of ['1A=x', ''])
    await deis(['config:set', 'OK=1', word], error(`"${word}" does not set a variable.`, looks))
  await deis('config:set X_HEALTHCHECK_URL=/', {
    stdout: shown('Creating', 'LONG_NAME              1', 'WORDS                  a b', 'X_HEALTHCHECK_URL      /'),
    stderr: ['X_HEALTHCHECK_URL: variables for health checks are deprecated; use `deis healthchecks:set`.'],
  })
  await deis('config:unset X_HEALTHCHECK_URL WORDS', shown('Removing', 'LONG_NAME      1'))

  const { privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'sec1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
  const sent = Buffer.from(privateKey).toString('base64')
  await writeFile(join(person.home, 'deploy.key'), privateKey)
  await deis('config:set SSH_KEY=deploy.key', shown('Creating', 'LONG_NAME      1', `SSH_KEY        ${sent}`))
  await deis(
    'config:set SSH_KEY=nowhere.key',
    error(
      'SSH_KEY is not a private key: it must be in PEM format, in base64, or the path of a key file.',
      'Nothing was changed.',
    ),
  )
}

async function files(world: World): Promise<void> {
  const { app, deis } = await world.newApp('files')
  const { person } = world.owner
  const env = join(person.home, '.env')
  const shown = (...lines: string[]): string[] => ['Creating config... done', '', `=== ${app} Config`, ...lines]
  // /dev/null at stdin is not a pipe (§9 note 10).
  await deis('config:push', error('open .env: no such file or directory'))
  await writeFile(env, '# a comment\r\nFOO=xyzzy\r\n\r\nexport BAR="two words"\nLINES="1\n2"\n')
  await deis('config:push', {
    stdout: [...shown('BAR        two words', 'FOO        xyzzy', 'LINES      1'), '2'],
  })
  await deis('config:push', shown('BAR        two words', 'FOO        piped', 'LINES      1', '2'), {
    input: 'FOO=piped\n',
  })
  await writeFile(join(person.home, 'other.env'), 'FOO=other\n')
  await deis('config:push --path=other.env', shown('BAR        two words', 'FOO        other', 'LINES      1', '2'))
  await deis('config:push -p gone.env', error('open gone.env: no such file or directory'))
  await deis('config:push', error('No variables in stdin.', 'Nothing was changed.'), { input: '' })
  await deis(
    'config:push',
    error(
      'stdin line 2: "no variable" does not set a variable.',
      'A line looks like KEY=value; put a value of several lines in quotes.',
    ),
    { input: 'OK=1\nno variable\n' },
  )
  // stdout is a pipe: the file stays as it is.
  const kept = await readFile(env, 'utf8')
  const pulled = await deis('config:pull', ['BAR=two words', 'FOO=other', 'LINES="1', '2"'])
  expect(await readFile(env, 'utf8')).toBe(kept)
  // What is pulled can be pushed.
  await deis('config:unset FOO LINES', ['Removing config... done', '', `=== ${app} Config`, 'BAR      two words'])
  await deis('config:push', shown('BAR        two words', 'FOO        other', 'LINES      1', '2'), {
    input: pulled.stdout,
  })
}

async function releases(world: World): Promise<void> {
  const { app, deis, json } = await world.newApp('history')
  await deis('config:set A=1', ['Creating config... done', '', `=== ${app} Config`, 'A      1'])
  const rows = ['v2\t{time}\towner added A', 'v1\t{time}\towner created initial release']
  await deis('releases', [`=== ${app} Releases`, ...rows])
  await deis('releases:list -l 1', [`=== ${app} Releases (1 of 2)`, rows[0] ?? ''])
  const shown = [
    `=== ${app} Release v2`,
    'config:   {uuid}',
    'owner:    owner',
    'created:  {time}',
    'summary:  owner added A',
    'updated:  {time}',
    'uuid:     {uuid}',
  ]
  await deis('releases:info v2', shown)
  await deis('releases:info 2', shown)
  await deis('releases:info v9', error('"No Release matches the given query."'))
  expect(await json('releases', listReleases.response)).toMatchObject({ count: 2 })
  expect(await json('releases:info v1', Release)).toMatchObject({ version: 1, build: null })
}

export const scenarios: readonly Scenario[] = [
  { name: 'variables', run: variables },
  { name: 'variables in files and pipes', run: files },
  { name: 'releases of config', run: releases },
]
