// Do limits, tags, autoscaling and registries say and do what docs/contract/cli.md §2.3, §2.12 and §2.16 say?
import { AutoscaleRule } from '@deis/types'
import { expect } from 'vitest'
import { kubectl, objects } from '../cluster.ts'
import { error, type Expected, failed } from './says.ts'
import { checkShape } from './shapes.ts'
import { template } from './pods.ts'
import type { Scenario, Spoken, World } from './world.ts'

/** One that runs where more than its config changes. */
function appOf(world: World, name: string): Promise<Spoken> {
  return world.cluster === null ? world.newApp(name) : world.deployed(name)
}

/** Succeeds on a cluster; elsewhere it is refused with the reason, and nothing is changed (docs/architecture.md, principle 6). */
function where({ cluster }: World, title: string, able: readonly string[], what: string): Expected {
  if (cluster !== null) return [`${title} done`, ...able]
  return failed(title, `The process scheduler cannot ${what}, so nothing was changed. See deis doctor.`)
}

async function limits(world: World): Promise<void> {
  const shop = await appOf(world, 'limited')
  const { deis, json, app } = shop
  const list = (memory: readonly string[], cpu: readonly string[]) => [
    `=== ${app} Limits`,
    '',
    '--- Memory',
    ...memory,
    '',
    '--- CPU',
    ...cpu,
  ]
  const none = ['Unlimited']
  const setting = (words: string, able: string[], what: string) =>
    deis(words, where(world, 'Applying limits...', ['', ...able], `enforce ${what}`))
  await deis('limits', list(none, none))
  await setting(
    'limits:set web=128M/256M worker=64M',
    list(['web        128M/256M', 'worker     64M'], none),
    'memory limits',
  )
  await setting(
    'limits:set --cpu web=100m/500m',
    list(['web        128M/256M', 'worker     64M'], ['web     100m/500m']),
    'CPU limits',
  )
  for (const word of ['web=', 'web=1G/2G/3G'])
    await deis(
      `limits:set ${word}`,
      error(
        `${word} is invalid`,
        'It must look like web=512M, web=256M/512M (request and limit), or with --cpu web=500m.',
      ),
    )
  const refused = 'Unable to process your request: nothing does not exist under memory'
  await deis('limits:unset nothing', failed('Removing limits...', refused))
  if (world.cluster === null) {
    expect(await json('limits', null)).toEqual({ memory: {}, cpu: {} })
    return
  }
  expect(await json('limits', null)).toEqual({
    memory: { web: '128M/256M', worker: '64M' },
    cpu: { web: '100m/500m' },
  })
  expect((await template(shop)).containers[0]?.resources).toEqual({
    requests: { memory: '128Mi', cpu: '100m' },
    limits: { memory: '256Mi', cpu: '500m' },
  })
  await deis('limits:unset --memory web worker', ['Removing limits... done', '', ...list(none, ['web     100m/500m'])])
  await deis('limits:unset --cpu web', ['Removing limits... done', '', ...list(none, none)])
  expect((await template(shop)).containers[0]?.resources).toEqual({})
}

async function tags(world: World): Promise<void> {
  const shop = await appOf(world, 'tagged')
  const { deis, json, app } = shop
  await deis('tags', [`=== ${app} Tags`])
  await deis(
    'tags:set kubernetes.io/os=linux',
    where(
      world,
      'Applying tags...',
      ['', `=== ${app} Tags`, 'kubernetes.io/os     linux'],
      'enforce tags (it has no nodes to choose from)',
    ),
  )
  for (const word of ['rack', 'a=b=c'])
    await deis(`tags:set ${word}`, error(`${word} is invalid`, 'It must look like rack=1.'))
  await deis(
    'tags:unset rack',
    failed('Removing tags...', 'Unable to process your request: rack does not exist under tags'),
  )
  if (world.cluster === null) {
    expect(await json('tags', null)).toEqual({})
    return
  }
  expect(await json('tags', null)).toEqual({ 'kubernetes.io/os': 'linux' })
  expect((await template(shop)).nodeSelector).toEqual({ 'kubernetes.io/os': 'linux' })
  const all = 'kubernetes.io/os=linux, disk=cheese'
  await deis(
    'tags:set disk=cheese',
    failed('Applying tags...', `No nodes matched the provided labels: ${all} - Addition of disk=cheese is the cause`),
  )
  await deis('tags:unset kubernetes.io/os', ['Removing tags... done', '', `=== ${app} Tags`])
  expect((await template(shop)).nodeSelector).toBeUndefined()
}

async function autoscaling(world: World): Promise<void> {
  const { deis, json, app } = await appOf(world, 'scaled')
  const list = `=== ${app} Autoscale`
  const title = `Applying autoscale settings for process type web on ${app}...`
  await deis('autoscale', [list, '', 'No autoscale rules found.'])
  await deis('autoscale:set web --min=1 --max=3 --cpu-percent=50', where(world, title, [], 'autoscale'))
  await deis(
    'autoscale:set web --min=0 --max=3 --cpu-percent=50',
    failed(title, 'min replicas needs to be 1 or higher'),
  )
  await deis(
    'autoscale:set web --min=4 --max=3 --cpu-percent=50',
    failed(title, 'max replicas can not be smaller than min replicas'),
  )
  const removing = (type: string) => `Removing autoscale for process type ${type} on ${app}...`
  await deis(
    'autoscale:unset worker',
    failed(removing('worker'), 'Unable to process your request: worker does not exist under autoscale'),
  )
  if (world.cluster === null) {
    expect(await json('autoscale', null)).toEqual({})
    return
  }
  await deis('autoscale:list', [list, '', '--- web:', 'Min Replicas: 1', 'Max Replicas: 3', 'CPU: 50%'])
  const rules = await json<Record<string, unknown>>('autoscale', null)
  expect(Object.keys(rules)).toEqual(['web'])
  checkShape(AutoscaleRule, rules['web'], 'a rule')
  const scaler = `horizontalpodautoscalers.v1.autoscaling/${app}-web`
  const { spec } = await objects<{ spec: object }>(scaler, `--namespace=${app}`)
  expect(spec).toMatchObject({ minReplicas: 1, maxReplicas: 3, targetCPUUtilizationPercentage: 50 })
  await deis('autoscale:unset web', [`${removing('web')} done`])
  expect(await kubectl('get', 'hpa', `--namespace=${app}`, '--output=name')).toBe('')
  await deis('autoscale', [list, '', 'No autoscale rules found.'])
}

async function registries(world: World): Promise<void> {
  const shop = await appOf(world, 'private')
  const { deis, json, app } = shop
  const list = `=== ${app} Registry`
  await deis('registry', [list])
  const title = 'Applying registry information...'
  const rows = ['password     ********', 'username     bob']
  for (const word of ['username=', 'user=bob'])
    await deis(
      `registry:set ${word}`,
      error(`${word} is invalid`, 'It must look like username=bob or password=secret.'),
    )
  await deis(
    'registry:set username=bob password=s=cret',
    where(world, title, ['', list, ...rows], 'enforce image registries'),
  )
  await deis(
    'registry:unset hostname',
    failed(
      'Removing registry information...',
      'Unable to process your request: hostname does not exist under registry',
    ),
  )
  if (world.cluster === null) {
    expect(await json('registry', null)).toEqual({})
    return
  }
  await deis('registry:list', [list, ...rows])
  expect(await json('registry', null)).toEqual({ username: 'bob', password: 's=cret' })
  const [secret] = (await template(shop)).imagePullSecrets ?? []
  const { data } = await objects<{ data: Record<string, string> }>(
    'secret',
    secret?.name ?? 'none',
    `--namespace=${app}`,
  )
  const auth = Buffer.from('bob:s=cret').toString('base64')
  expect(JSON.parse(Buffer.from(data['.dockerconfigjson'] ?? '', 'base64').toString())).toEqual({
    auths: { [world.cluster.registry]: { auth } },
  })
  await deis('registry:unset username password', ['Removing registry information... done', '', list])
  expect((await template(shop)).imagePullSecrets).toBeUndefined()
}

export const scenarios: readonly Scenario[] = [
  { name: 'limits', run: limits },
  { name: 'tags', run: tags },
  { name: 'autoscaling', run: autoscaling },
  { name: 'private registries', run: registries },
]
