// Are variables set, listed, pulled and pushed as cli.md §2.6 says, and releases listed as §2.17 says?
import { generateKeyPairSync } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { listReleases, Release } from '@deis/types'
import { expect } from 'vitest'
import { error } from './says.ts'
import type { Scenario, World } from './world.ts'

async function variables(world: World): Promise<void> {
  const { deis, json, person } = await world.newActor('vera')
  const app = world.name('vars')
  const a = `-a ${app}`
  const heading = `=== ${app} Config`
  const shown = (title: string, ...lines: string[]): string[] => [`${title} config... done`, '', heading, ...lines]
  await deis(`create --no-remote ${app}`, [
    `Creating Application... done, created ${app}`,
    `If you want to add a git remote for this app later, use \`deis git:remote -a ${app}\``,
  ])
  await deis(`config ${a}`, [heading])
  await deis(`config:list --oneline ${a}`, [])
  await deis(
    `config:set LONG_NAME=1 B=two=2 #skipped ${a}`,
    shown('Creating', 'B              two=2', 'LONG_NAME      1'),
  )
  await deis(
    ['config:set', '-a', app, 'WORDS=a b', 'EMPTY='],
    [...shown('Creating', 'B              two=2', 'EMPTY          ', 'LONG_NAME      1', 'WORDS          a b')],
  )
  await deis(`config ${a} --oneline --diff`, ['B=two=2 EMPTY= LONG_NAME=1 WORDS=a b'])
  await deis(`config ${a} --diff`, ['B=two=2', 'EMPTY=', 'LONG_NAME=1', 'WORDS=a b'])
  expect(await json(`config ${a}`, null)).toEqual({ B: 'two=2', EMPTY: '', LONG_NAME: '1', WORDS: 'a b' })
  await deis(`config:unset EMPTY B ${a}`, shown('Removing', 'LONG_NAME      1', 'WORDS          a b'))
  await deis(`config:set LONG_NAME=1 ${a}`, {
    ...error('vera changed nothing - release stopped'),
    stdout: ['Creating config... '],
  })
  const looks = 'It looks like KEY=value; a KEY has letters, digits and _ and does not begin with a digit.'
  for (const word of ['1A=x', 'NOTHING', '--A=1', ''])
    if (word.startsWith('--'))
      await deis(['config:set', '-a', app, '--', word], error(`"${word}" sets no variable.`, looks))
    else await deis(['config:set', '-a', app, 'OK=1', word], error(`"${word}" sets no variable.`, looks))
  await deis(`config:set X_HEALTHCHECK_URL=/ ${a}`, {
    stdout: shown('Creating', 'LONG_NAME              1', 'WORDS                  a b', 'X_HEALTHCHECK_URL      /'),
    stderr: ['X_HEALTHCHECK_URL: variables for healthchecks are deprecated, use `deis healthchecks`.'],
  })
  await deis(`config:unset X_HEALTHCHECK_URL WORDS ${a}`, shown('Removing', 'LONG_NAME      1'))

  const { privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'sec1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
  const sent = Buffer.from(privateKey).toString('base64')
  await writeFile(join(person.home, 'deploy.key'), privateKey)
  await deis(`config:set SSH_KEY=deploy.key ${a}`, shown('Creating', 'LONG_NAME      1', `SSH_KEY        ${sent}`))
  await deis(
    `config:set SSH_KEY=nowhere.key ${a}`,
    error(
      'SSH_KEY is neither a private key in PEM format, nor one in base64, nor the path of one.',
      'Nothing was changed.',
    ),
  )
  await deis(`config:unset SSH_KEY ${a}`, shown('Removing', 'LONG_NAME      1'))
}

async function files(world: World): Promise<void> {
  const { deis, person } = await world.newActor('fila')
  const app = world.name('files')
  const a = `-a ${app}`
  const env = join(person.home, '.env')
  const shown = (...lines: string[]): string[] => ['Creating config... done', '', `=== ${app} Config`, ...lines]
  await deis(`create --no-remote ${app}`, [
    `Creating Application... done, created ${app}`,
    `If you want to add a git remote for this app later, use \`deis git:remote -a ${app}\``,
  ])
  // /dev/null at stdin is no pipe (§9 note 10).
  await deis(`config:push ${a}`, error('open .env: no such file or directory'))
  await writeFile(env, '# a comment\r\nFOO=xyzzy\r\n\r\nexport BAR="two words"\nLINES="1\n2"\n')
  await deis(`config:push ${a}`, {
    stdout: [...shown('BAR        two words', 'FOO        xyzzy', 'LINES      1'), '2'],
  })
  await deis(`config:push ${a}`, shown('BAR        two words', 'FOO        piped', 'LINES      1', '2'), {
    input: 'FOO=piped\n',
  })
  await writeFile(join(person.home, 'other.env'), 'FOO=other\n')
  await deis(
    `config:push ${a} --path=other.env`,
    shown('BAR        two words', 'FOO        other', 'LINES      1', '2'),
  )
  await deis(`config:push ${a} -p gone.env`, error('open gone.env: no such file or directory'))
  await deis(`config:push ${a}`, error('stdin set no variable.', 'Nothing was changed.'), { input: '' })
  await deis(
    `config:push ${a}`,
    error(
      'stdin line 2: "no variable" sets no variable.',
      'Lines look like KEY=value; a value of several lines stands in quotes.',
    ),
    { input: 'OK=1\nno variable\n' },
  )
  // stdout is a pipe: the file stays as it is.
  const kept = await readFile(env, 'utf8')
  const pulled = await deis(`config:pull ${a}`, ['BAR=two words', 'FOO=other', 'LINES="1', '2"'])
  expect(await readFile(env, 'utf8')).toBe(kept)
  // What is pulled can be pushed.
  await deis(`config:unset FOO LINES ${a}`, ['Removing config... done', '', `=== ${app} Config`, 'BAR      two words'])
  await deis(`config:push ${a}`, shown('BAR        two words', 'FOO        other', 'LINES      1', '2'), {
    input: pulled.stdout,
  })
}

async function releases(world: World): Promise<void> {
  const { deis, json } = await world.newActor('rel')
  const app = world.name('history')
  const a = `-a ${app}`
  await deis(`create --no-remote ${app}`, [
    `Creating Application... done, created ${app}`,
    `If you want to add a git remote for this app later, use \`deis git:remote -a ${app}\``,
  ])
  await deis(`config:set A=1 ${a}`, ['Creating config... done', '', `=== ${app} Config`, 'A      1'])
  const rows = ['v2\t{time}\trel added A', 'v1\t{time}\trel created initial release']
  await deis(`releases ${a}`, [`=== ${app} Releases`, ...rows])
  await deis(`releases:list -l 1 ${a}`, [`=== ${app} Releases (1 of 2)`, rows[0] ?? ''])
  const shown = [
    `=== ${app} Release v2`,
    'config:   {uuid}',
    'owner:    rel',
    'created:  {time}',
    'summary:  rel added A',
    'updated:  {time}',
    'uuid:     {uuid}',
  ]
  await deis(`releases:info v2 ${a}`, shown)
  await deis(`releases:info 2 ${a}`, shown)
  await deis(`releases:info v9 ${a}`, error('"No Release matches the given query."'))
  expect(await json(`releases ${a}`, listReleases.response)).toMatchObject({ count: 2 })
  expect(await json(`releases:info v1 ${a}`, Release)).toMatchObject({ version: 1, build: null })
}

export const scenarios: readonly Scenario[] = [
  { name: 'variables', run: variables },
  { name: 'variables in files and pipes', run: files },
  { name: 'releases of config', run: releases },
]
