// Do health checks say and do what docs/contract/cli.md §2.9 says?
import { expect } from 'vitest'
import { ask } from '../http.ts'
import { template } from './pods.ts'
import { error } from './says.ts'
import type { Scenario, World } from './world.ts'

const probe = (kind: 'exec' | 'http' | 'tcp', shown: string, numbers: readonly number[]): string[] => [
  `Initial Delay (seconds): ${numbers[0]}`,
  `Timeout (seconds): ${numbers[1]}`,
  `Period (seconds): ${numbers[2]}`,
  `Success Threshold: ${numbers[3]}`,
  `Failure Threshold: ${numbers[4]}`,
  `Exec Probe: ${kind === 'exec' ? shown : 'N/A'}`,
  `HTTP GET Probe: ${kind === 'http' ? shown : 'N/A'}`,
  `TCP Socket Probe: ${kind === 'tcp' ? shown : 'N/A'}`,
]
const usual = [50, 50, 10, 1, 3]
const noLiveness = ['--- Liveness', 'No liveness probe configured.', '']
const noReadiness = ['--- Readiness', 'No readiness probe configured.']

async function checks(world: World): Promise<void> {
  const { app, deis, json } = await world.newApp('checked')
  const list = (...lines: string[]) => [`=== ${app} Healthchecks`, '', ...lines]
  await deis('healthchecks', list('No health checks configured.'))
  await deis('healthchecks --type=web', list('web:', ...noLiveness, ...noReadiness))
  const exec = ['--- Liveness', ...probe('exec', 'Command=[/bin/true -c x]', usual), '']
  await deis('healthchecks:set liveness exec -- /bin/true -c x', [
    'Applying livenessProbe healthcheck... done',
    '',
    ...list('web/cmd:', ...exec, ...noReadiness),
  ])
  const http = probe('http', 'Path="/health" Port=80 HTTPHeaders=[X-A=b C=d:e]', [1, 2, 3, 4, 5])
  await deis(
    [
      ...`healthchecks:set readiness httpGet 80 -p /health --headers X-A:b,C:d:e --type=worker`.split(' '),
      ...'--initial-delay-timeout=1 --timeout-seconds=2 --period-seconds=3'.split(' '),
      ...'--success-threshold=4 --failure-threshold=5'.split(' '),
    ],
    ['Applying readinessProbe healthcheck... done', '', ...list('worker:', ...noLiveness, '--- Readiness', ...http)],
  )
  const tcp = ['--- Readiness', ...probe('tcp', 'Port=1500', usual)]
  await deis('healthchecks:set readiness tcpSocket 1500', [
    'Applying readinessProbe healthcheck... done',
    '',
    ...list('web/cmd:', ...exec, ...tcp),
  ])
  await deis(
    'healthchecks:list',
    list('web/cmd:', ...exec, ...tcp, '', 'worker:', ...noLiveness, '--- Readiness', ...http),
  )
  const all = await json<Record<string, unknown>>('healthchecks', null)
  expect(Object.keys(all).toSorted()).toEqual(['web/cmd', 'worker'])
  expect(all['web/cmd']).toMatchObject({ livenessProbe: { exec: { command: ['/bin/true', '-c', 'x'] } } })
  await deis('healthchecks:unset liveness readiness', [
    'Removing healthchecks... done',
    '',
    ...list('web/cmd:', ...noLiveness, ...noReadiness),
  ])
  const form = 'Usage: deis healthchecks:set [options] <health-type> <probe-type> [--] <args...>'
  await deis('healthchecks:set alive exec true', {
    code: 1,
    stderr: [
      "Error: command-argument value 'alive' is invalid for argument 'health-type'. Allowed choices are liveness, readiness.",
      form,
    ],
  })
  await deis('healthchecks:set liveness ping true', {
    code: 1,
    stderr: [
      "Error: command-argument value 'ping' is invalid for argument 'probe-type'. Allowed choices are httpGet, exec, tcpSocket.",
      form,
    ],
  })
  await deis(
    'healthchecks:set liveness httpGet http',
    error('"http" is not a port.', 'A port is a number from 1 to 65535.'),
  )
}

async function probed(world: World): Promise<void> {
  const shop = await world.deployed('probed')
  const { deis, app } = shop
  const title = 'Applying readinessProbe healthcheck...'
  const numbers = '--initial-delay-timeout=0 --period-seconds=1 --timeout-seconds=5'
  await deis(`healthchecks:set readiness exec --type=web ${numbers} -- true`, [
    `${title} done`,
    '',
    `=== ${app} Healthchecks`,
    '',
    'web:',
    ...noLiveness,
    '--- Readiness',
    ...probe('exec', 'Command=[true]', [0, 5, 1, 1, 3]),
  ])
  if (world.cluster !== null)
    expect((await template(shop)).containers[0]?.readinessProbe).toMatchObject({ exec: { command: ['true'] } })
  expect((await ask(world.platform, app)).status).toBe(200)
}

export const scenarios: readonly Scenario[] = [
  { name: 'health checks', run: checks },
  { name: 'health checks of an app that runs', run: probed },
]
