// Are apps made, listed, shown, opened and destroyed as docs/contract/cli.md §2.1 says, and git remotes as §2.8 says?
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { App, AppSettings, Domain, listApps, type Pod } from '@deis/types'
import { expect } from 'vitest'
import { mustWork } from '../client.ts'
import { error, failed, type Text } from './says.ts'
import { checkShape } from './shapes.ts'
import type { Actor, Scenario, World } from './world.ts'

const noApp = '"No App matches the given query."'
const later = (app: string) => `If you want to add a git remote for this app later, use \`deis git:remote -a ${app}\``
const made = (app: string) => `Creating Application... done, created ${app}`
const gone = (app: string) => [`Destroying ${app}...`, 'done in {seconds}s']

async function repository({ person }: Actor, name: string): Promise<string> {
  const folder = join(person.home, name)
  await mkdir(folder)
  mustWork(await person.git(['init', '--quiet'], folder), 'git init')
  return folder
}

async function pushUrls({ person }: Actor, folder: string): Promise<string[]> {
  const listed = mustWork(await person.git(['remote', '-v'], folder), 'git remote')
  return listed.split('\n').filter((line) => line.endsWith('(push)'))
}

async function creating(world: World): Promise<void> {
  const actor = await world.newActor('cora')
  const { deis, json } = actor
  const [first, second, third] = [world.name('alpha'), world.name('beta'), world.name('gamma')]
  const folder = await repository(actor, 'shop')
  const here = { cwd: folder }
  await deis('apps', ['=== Apps'])
  await deis(`create ${first}`, [made(first), `Git remote deis successfully created for app ${first}.`], here)
  expect(await pushUrls(actor, folder)).toEqual([`deis\t${world.platform.git}/${first}.git (push)`])
  // Looked at before anything is made (§9 note 8).
  await deis(
    `apps:create ${second}`,
    error(
      'This repository already has a git remote "deis", so no app was created.',
      'Choose another name with --remote, use --no-remote to add none,',
      `or point it to an existing app: \`deis git:remote --force --remote deis --app ${second}\`.`,
    ),
    here,
  )
  await deis('apps:list', ['=== Apps', first])
  await deis(
    `create ${second} -r staging -b https://example.com/buildpack.git`,
    [made(second), `Git remote staging successfully created for app ${second}.`],
    here,
  )
  await deis('config --oneline -a '.concat(second), ['BUILDPACK_URL=https://example.com/buildpack.git'])
  await deis(`create ${third} --no-remote`, [made(third), later(third)], here)
  await deis(
    `create ${third} --no-remote`,
    failed('Creating Application...', 'Application with this id already exists.'),
  )
  await deis(
    'create Not_A_Name --no-remote',
    failed('Creating Application...', 'App name can only contain a-z (lowercase), 0-9 and hyphens'),
  )
  await deis('apps -l 2', ['=== Apps (2 of 3)', first, second])
  expect(await json('apps', listApps.response)).toMatchObject({ count: 3 })

  // Outside a repository there is nothing to add a remote to, and nothing half-done.
  await deis('create', {
    stdout: [made('{invented}'), later('{invented}')],
    stderr: [
      'Note: no git remote was added (git remote -v: fatal: not a git repository (or any of the parent directories): .git).',
    ],
  })
  const { results } = await json<{ results: App[] }>('apps', listApps.response)
  const invented = results.find(({ id }) => ![first, second, third].includes(id))?.id ?? ''
  expect(invented).toMatch(/^[a-z]+-[a-z]+$/)
  await deis(`destroy -a ${invented} --confirm=${invented}`, gone(invented))
  await deis(
    `destroy -a ${third}`,
    {
      ...error(`"${first}" is not the name of the app; "${third}" was not destroyed.`),
      stdout: asked(third),
    },
    { input: `${first}\n` },
  )
  await deis(`destroy -a ${third} --confirm=x`, error(`"x" is not the name of the app; "${third}" was not destroyed.`))
  await deis(`destroy -a ${third}`, {
    ...error(`Not confirmed; "${third}" was not destroyed.`, `Use --confirm=${third}.`),
    stdout: asked(third),
  })
  await deis(`apps:destroy -a ${third}`, [...asked(third), ...gone(third)], { input: `${third}\n` })
  await deis(`destroy -a ${third} --confirm=${third}`, { ...error(noApp), stdout: [`Destroying ${third}...`] })
  // An app that is named leaves the checkout alone; one that was found takes its remotes along.
  await deis(`destroy -a ${second} --confirm=${second}`, gone(second), here)
  expect(await pushUrls(actor, folder)).toHaveLength(2)
  await deis(`destroy --confirm=${first}`, [...gone(first), `Removed the git remotes of app ${first}.`], here)
  expect(await pushUrls(actor, folder)).toHaveLength(1)
}

function asked(app: string): string[] {
  return [
    ' !    This cannot be undone.',
    ` !    This destroys the app "${app}" with all its releases, settings and domains.`,
    ` !    Type "${app}" to confirm, or run this command again with --confirm=${app}`,
    '',
    '> ',
  ]
}

async function remotes(world: World): Promise<void> {
  const actor = await world.newActor('remo')
  const { deis } = actor
  const app = world.name('delta')
  const folder = await repository(actor, app)
  const here = { cwd: folder }
  const url = `${world.platform.git}/${app}.git`
  const listed = (...names: string[]) => names.map((name) => `${name}\t${url} (push)`)
  await deis(`create ${app} --no-remote`, [made(app), later(app)], here)
  // Without a remote, the folder tells.
  await deis('config', [`=== ${app} Config`], here)
  await deis('git:remote', [`Git remote deis successfully created for app ${app}.`], here)
  await deis('git:remote', [`Git remote deis already points to app ${app}.`], here)
  await deis(`git:remote -r live -a ${app}`, [`Git remote live successfully created for app ${app}.`], here)
  expect(await pushUrls(actor, folder)).toEqual(listed('deis', 'live'))
  const other = `${world.platform.git}/other.git`
  await deis(
    'git:remote -a other',
    error(
      `The git remote "deis" points to ${url}, not to ${other}; it was not changed.`,
      'Use --force to replace it, or choose another name with --remote.',
    ),
    here,
  )
  await deis(
    'git:remote -a other --force',
    [`Deleting git remote deis, which pointed to ${url}.`, 'Git remote deis successfully created for app other.'],
    here,
  )
  // The remote called deis tells, from any folder of the checkout.
  await mkdir(join(folder, 'deep'))
  await deis('config', error(noApp), { cwd: join(folder, 'deep') })
  await deis(`git:remote -a ${app} -f`, { stdout: forced(other, app) }, here)
  await deis('config', [`=== ${app} Config`], { cwd: join(folder, 'deep') })
  await deis('config', [`=== ${app} Config`], { env: { DEIS_APP: app } })
  await deis('git:remove', [`Removed the git remotes of app ${app}.`], here)
  expect(await pushUrls(actor, folder)).toEqual([])
  await deis(
    'git:remove',
    error(`No git remote points to the app "${app}".`, `Its address is ${url}; compare \`git remote -v\`.`),
    here,
  )
  const outside = 'fatal: not a git repository (or any of the parent directories): .git'
  await deis(`git:remote -a ${app}`, error(`git remote -v: ${outside}`))
  // Nobody named it, so the message says where the name comes from (§7.1).
  await deis(
    'config',
    error(
      noApp,
      'No git remote belongs to this controller, so the name of this folder was used: "remo". Use --app, or set DEIS_APP.',
    ),
  )
  await deis(`destroy --confirm=${app}`, { stdout: gone(app) }, here)
}

const forced = (from: string, app: string): Text => [
  `Deleting git remote deis, which pointed to ${from}.`,
  `Git remote deis successfully created for app ${app}.`,
]

async function showing(world: World): Promise<void> {
  const { app, deis, json } = await world.newApp('epsilon')
  const { person } = world.owner
  const { routerPort } = world.platform
  const info = (url: string, ...domains: string[]): string[] => [
    `=== ${app} Application`,
    'updated:  {time}',
    'uuid:     {uuid}',
    'created:  {time}',
    `url:      ${url}`,
    'owner:    owner',
    `id:       ${app}`,
    '',
    `=== ${app} Processes`,
    '',
    `=== ${app} Domains`,
    ...domains,
    '',
    `=== ${app} Label`,
    'No labels found.',
    '',
  ]
  await deis(`info -a ${app}`, info(`${app}.localhost:${routerPort}`, app))
  type Info = { app: App; address: string; pods: Pod[]; domains: Domain[]; settings: AppSettings }
  const found = await json<Info>('apps:info', null)
  expect(Object.keys(found)).toEqual(['app', 'address', 'pods', 'domains', 'settings'])
  checkShape(App, found.app, 'app')
  checkShape(AppSettings, found.settings, 'settings')
  for (const domain of found.domains) checkShape(Domain, domain, 'a domain')
  expect(found).toMatchObject({ address: `${app}.localhost:${routerPort}`, pods: [] })

  const bin = join(person.home, 'bin')
  await mkdir(bin)
  await writeFile(join(bin, 'xdg-open'), '#!/bin/sh\necho "$@" > "$HOME/opened"\n')
  await chmod(join(bin, 'xdg-open'), 0o755)
  const env = { PATH: `${bin}:${person.env['PATH']}` }
  const url = `http://${app}.localhost:${routerPort}`
  expect(await json(`apps:open -a ${app}`, null, { env })).toEqual({ url })
  expect(await readFile(join(person.home, 'opened'), 'utf8')).toBe(`${url}\n`)
  await deis(`domains:remove ${app} -a ${app}`, [`Removing ${app} from ${app}... done`])
  await deis(
    `open -a ${app}`,
    error(
      `"${app}" has no domain, so there is nothing to open.`,
      `Add one with \`deis domains:add <domain> -a ${app}\`.`,
    ),
    { env },
  )
  await deis('info', info('no domain assigned'))
  await deis('logs --lines=1', [`{stamp} deis[controller]: INFO domain ${app} removed`])
  await deis(`logs -a ${world.name('nothing')}`, error(noApp))
  await deis(`destroy -a ${app} --confirm=${app}`, gone(app))
}

export const scenarios: readonly Scenario[] = [
  { name: 'apps come and go', run: creating },
  { name: 'git remotes', run: remotes },
  { name: 'an app is shown and opened', run: showing },
]
