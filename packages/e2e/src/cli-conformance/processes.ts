// Do processes, one-off commands, logs, builds and releases work as docs/contract/cli.md §2.1, §2.4, §2.15 and §2.17 say?
import { type Build, listBuilds, type Pod, PodList, restartPods, rollback, runCommand } from '@deis/types'
import { expect } from 'vitest'
import { ask } from '../http.ts'
import { until } from '../until.ts'
import { error, failed, runDeis } from './says.ts'
import type { Json } from './shapes.ts'
import type { Deployed, Scenario, World } from './world.ts'

type Pods = { readonly results: readonly Pod[] }

const first = 'Restarting processes... but first, coffee!'

function listed({ app, release }: Pick<Deployed, 'app' | 'release'>, ...types: string[]): string[] {
  const pod = (type: string) => `${app}-${type}-{pod} up (v${release})`
  const headings = [...new Set(types)].toSorted()
  return [
    `=== ${app} Processes`,
    ...headings.flatMap((type) => [`--- ${type}:`, ...types.filter((one) => one === type).map(pod)]),
  ]
}

async function processes(world: World): Promise<void> {
  const shop = await world.deployed('shop')
  const { deis, json, app } = shop
  await deis('ps', listed(shop, 'web'))
  const scaled = (drink: string) => [`Scaling processes... but first, ${drink}!`, 'done in {seconds}s']
  await deis('scale web=2 worker=1', [...scaled('tea'), ...listed(shop, 'web', 'web', 'worker')], {
    env: { DEIS_DRINK_OF_CHOICE: 'tea' },
  })
  const pods = await json<Pods>('ps:list', PodList)
  expect(pods.results.map(({ type, state }) => `${type} ${state}`).toSorted()).toEqual([
    'web up',
    'web up',
    'worker up',
  ])
  // What ends may still be seen doing so.
  const { results: left } = await json<Pods>('ps:scale worker=0', PodList, { stderr: scaled('coffee') })
  expect(left.filter(({ state }) => state === 'up').map(({ type }) => type)).toEqual(['web', 'web'])
  // Nothing is asked of the controller for a word that cannot be.
  for (const word of ['web', 'web=-1'])
    await deis(`scale ${word}`, error(`"${word}" is not a process type with a count.`, 'It looks like web=2.'))
  await deis('scale nothing=1', {
    ...error(
      `Container type nothing does not exist in application. Its process types: ${world.cluster ? 'cmd, ' : ''}web, worker.`,
    ),
    stdout: ['Scaling processes... but first, coffee!'],
  })

  const old = pods.results.filter(({ type }) => type === 'web').map(({ name }) => name)
  const [one = ''] = old
  await deis(`ps:restart ${one}`, [first, 'done in {seconds}s', ...listed(shop, 'web')])
  const names = async (): Promise<string[]> => (await json<Pods>('ps', PodList)).results.map(({ name }) => name)
  const changed = await until({ what: 'the old one is gone' }, async () => {
    const now = await names()
    return now.length === 2 && !now.includes(one) && now
  })
  expect(changed).toContain(old[1])
  // Without the app's name before it, as the original takes it.
  const [two = ''] = changed
  await deis(`ps:restart ${two.slice(app.length + 1)}`, [first, 'done in {seconds}s', ...listed(shop, 'web')])
  await deis('ps:restart web', [first, 'done in {seconds}s', ...listed(shop, 'web', 'web')])
  await deis('ps:restart no-such-one', {
    code: 1,
    stdout: [first, 'Could not find any processes to restart'],
    stderr: [`Error: "${app}" has no process and no process type "no-such-one".`, 'Its process types: web, worker.'],
  })
  await json('ps:restart', restartPods.response, { stderr: [first, 'done in {seconds}s'] })
  await json('scale web=0', PodList, { stderr: scaled('coffee') })
  await until({ what: 'nothing is left' }, async () => (await names()).length === 0)
  await deis('ps', listed(shop))
  await deis('ps:restart', [first, 'Could not find any processes to restart'])
}

async function commands(world: World): Promise<void> {
  const { deis, json, app, release } = await world.deployed('once')
  await deis('config:set GREETING=moin', {
    stdout:
      world.cluster === null
        ? ['Creating config... done', '', `=== ${app} Config`, 'GREETING      moin']
        : ['Creating config... done', '', `=== ${app} Config`, 'GREETING      moin', 'PORT          8080'],
  })
  await deis(
    ['run', 'echo $GREETING $WORKFLOW_RELEASE'],
    ["Running 'echo $GREETING $WORKFLOW_RELEASE'...", `moin v${release + 1}`],
  )
  await deis(['apps:run', '--', 'echo out; echo err >&2; exit 23'], {
    code: 23,
    stdout: ["Running 'echo out; echo err >&2; exit 23'..."],
    stderr: ['out', 'err'],
  })
  // What is behind -- belongs to the command (§9 note 3).
  await deis(['run', '--', 'sh', '-c', 'exit 4'], { code: 4, stdout: ["Running 'sh -c 'exit 4''..."] })
  // Several words arrive as they were typed.
  await deis(
    ['run', '--', 'node', '-e', 'console.log(process.argv.slice(1))', 'a b', "it's", '$GREETING'],
    [
      `Running 'node -e 'console.log(process.argv.slice(1))' 'a b' 'it'\\''s' '$GREETING''...`,
      `[ 'a b', "it's", '$GREETING' ]`,
    ],
  )
  await deis(['run', '-a', app, '--', 'printf', '%s', 'no-newline'], {
    stdout: `Running 'printf %s no-newline'...\nno-newline`,
  })
  const ended = await json(['run', '--', 'echo --json; exit 3'], runCommand.response, {
    stderr: ["Running 'echo --json; exit 3'..."],
    code: 3,
  })
  expect(ended).toEqual({ exit_code: 3, output: '--json\n' })
  await logs(world, app, json)
}

async function logs(world: World, app: string, json: Json): Promise<void> {
  const { person } = world.owner
  const { stdout } = await until({ what: 'the output of the app is in the log' }, async () => {
    const said = await runDeis(person, `apps:logs --lines=500 -a ${app}`)
    return said.stdout.includes(': listening') && said
  })
  const lines = stdout.trimEnd().split('\n')
  expect(stdout.endsWith('\n')).toBe(true)
  const line = /^\d{4}-\d\d-\d\dT\S+ (deis\[controller\]: [A-Z]+ |app\[web\.v\d+\.[a-z0-9]{5}\]: |app\[[\w.-]+\]: )/
  for (const one of lines) expect(one).toMatch(line)
  // No colour where nobody sees it (§9 note 2).
  expect(stdout).not.toContain('\u001b')
  expect(stdout).toMatch(/ app\[web\.v\d\.[a-z0-9]{5}\]: listening/)
  const last = await json<string>('logs -n 2', null)
  expect(last.trimEnd().split('\n')).toHaveLength(2)
}

async function builds(world: World): Promise<void> {
  const { deis, json, app, release } = await world.deployed('built')
  await deis('builds', [`=== ${app} Builds`, '{uuid} {time}'])
  const { results } = await json<{ results: Build[] }>('builds:list', listBuilds.response)
  const [build] = results
  const summary = world.cluster === null ? `owner deployed {sha}` : `owner deployed ${world.cluster.registry}/stack:1`
  const rows = [`v${release}\t{time}\t${summary}`, 'v1\t{time}\towner created initial release']
  if (world.cluster !== null) rows.splice(1, 0, 'v2\t{time}\towner added PORT')
  await deis('releases', [`=== ${app} Releases`, ...rows])
  await deis(`releases:info v${release}`, [
    `=== ${app} Release v${release}`,
    `build:    ${build?.uuid}`,
    'config:   {uuid}',
    'owner:    owner',
    'created:  {time}',
    `summary:  ${summary}`,
    'updated:  {time}',
    'uuid:     {uuid}',
  ])
  const values = (...more: string[]) => [
    'Creating config... done',
    '',
    `=== ${app} Config`,
    ...more,
    ...(world.cluster === null ? [] : ['PORT      8080']),
  ]
  await deis('config:set NEW=1', values(world.cluster === null ? 'NEW      1' : 'NEW       1'))
  await deis('rollback', [`Rolling back one release... done, v${release + 2}`])
  const back = await json(`releases:rollback v${release + 1}`, rollback.response, {
    stderr: [`Rolling back to v${release + 1}... done, v${release + 3}`],
  })
  expect(back).toEqual({ version: release + 3 })
  await deis('config --oneline', [world.cluster === null ? 'NEW=1' : 'NEW=1 PORT=8080'])
  await deis('rollback v99', failed('Rolling back to v99...', 'Release matching query does not exist.'))
  await deis('rollback v0', failed('Rolling back to v0...', 'version cannot be below 0'))
  await deis(
    ['pull', 'example.com/image:1', '-p', '- web'],
    error(
      '--procfile is not a valid Procfile: it must have a command for each process type.',
      'A Procfile has lines such as `web: npm start`.',
    ),
  )
  if (world.cluster === null) {
    await deis(['builds:create', 'example.com/shop:1', '-p', 'web: start'], failed('Creating build...', noImages))
    await deis('pull example.com/shop:1', {
      ...failed('Creating build...', noImages),
      stderr: ['Using the Procfile of this folder.', `Error: ${noImages}`],
    })
  } else {
    await deis(['pull', `${world.cluster.registry}/stack:1`, '-p', 'worker: sleep 100000'], {
      stdout: ['Creating build... done'],
      stderr: [
        ` !    No process of "${app}" runs, because every process type is scaled to 0. Start one with: deis scale cmd=1 -a ${app}`,
      ],
    })
    await deis('pull', {
      code: 1,
      stderr: ["Error: missing required argument 'image'", 'Usage: deis builds:create [options] <image>'],
    })
  }
  expect((await ask(world.platform, app)).status).toBe(world.cluster === null ? 200 : 503)
}

const noImages =
  'The process scheduler cannot run container images, so "example.com/shop:1" was not deployed. Deploy the app\'s source with git push, or run the platform on Docker or Kubernetes. See deis doctor.'

export const scenarios: readonly Scenario[] = [
  { name: 'processes are scaled and restarted', run: processes },
  { name: 'one-off commands and logs', run: commands },
  { name: 'builds and releases', run: builds },
]
