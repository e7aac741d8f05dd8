// What does it cost to deploy and to scale on Docker through the platform rather than with `docker run` and a wait?
import { randomBytes } from 'node:crypto'
import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { deisOf, startPlatform } from './platform.mjs'
import { run } from './processes.mjs'

const runs = 5
const program = `process.on('SIGTERM',()=>process.exit());require('http').createServer((q,s)=>s.end('ok')).listen(process.env.PORT)`
const { TEST_DOCKER_HOST: host, TEST_DOCKER_REGISTRY: registry } = process.env

const answers = (address) =>
  new Promise((resolve) => {
    request({ host: address, port: 8080, timeout: 1000 }, (response) => {
      response.resume()
      resolve(response.statusCode === 200)
    })
      .once('error', () => resolve(false))
      .end()
  })

const listed = (values) => values.map((value) => value.toFixed(0)).join(', ')

const compared = (name, { ours, floor }, more = []) => ({
  name,
  of: 'docker run + answer',
  unit: 'ms',
  ours,
  floor,
  most: 1.2,
  details: [`each run: ${listed(ours)}, beside ${listed(floor)} ms`, ...more],
})

/** Containers as people would start them by hand, with the limits and the init process that ours have. */
function byHand(scope, prefix, image) {
  const env = { ...process.env, DOCKER_HOST: host }
  const docker = async (...args) => (await run(scope, 'docker', args, { env })).stdout.trim()
  let serial = 0
  return {
    docker,
    async start() {
      const name = `${prefix}-${++serial}`
      const flags = ['--detach', '--init', '--name', name, '--network', prefix, '--pids-limit', '4096']
      await docker('run', ...flags, '--cap-drop', 'ALL', '--env', 'PORT=8080', image, 'node', '-e', program)
      const address = await docker(
        'inspect',
        '--format',
        `{{(index .NetworkSettings.Networks "${prefix}").IPAddress}}`,
        name,
      )
      while (!(await answers(address))) await sleep(10, undefined, { signal: scope.signal })
      return name
    },
    remove: (names) => docker('rm', '--force', ...names),
  }
}

export async function* measure({ root, scope }) {
  if (!host || !registry)
    return yield { name: 'docker', missing: 'no engine: set TEST_DOCKER_HOST and TEST_DOCKER_REGISTRY' }
  const prefix = `bench-${randomBytes(3).toString('hex')}`
  const image = `${registry}/stack:1`
  const patient = { signal: new AbortController().signal }
  const hand = byHand(scope, prefix, image)
  const late = byHand(patient, prefix, image)
  const platform = await startPlatform({
    root,
    scope,
    env: {
      DEIS_SCHEDULER: 'docker',
      DEIS_DOCKER_HOST: host,
      DEIS_REGISTRY_INSECURE: registry,
      KUBERNETES_POD_TERMINATION_GRACE_PERIOD_SECONDS: '1',
    },
  })
  const app = `${prefix}-app`
  scope.defer(async () => {
    const ids = await late.docker('ps', '--all', '--quiet', '--filter', `name=${prefix}`)
    if (ids !== '') await late.remove(ids.split('\n'))
    await late.docker('network', 'rm', prefix).catch(() => {})
  })
  await hand.docker('network', 'create', prefix)
  const deis = await deisOf({ root, scope }, platform)
  await deis('create', app, '--no-remote')
  await deis('config:set', 'PORT=8080', '-a', app)
  await deis('pull', image, `--procfile=${JSON.stringify({ web: `exec node -e "${program}"` })}`, '-a', app)

  const settled = async (count) => {
    const filter = ['--all', '--quiet', '--filter', `label=io.deis.app=${app}`]
    while ((await hand.docker('ps', ...filter)).split('\n').filter(Boolean).length !== count)
      await sleep(100, undefined, { signal: scope.signal })
  }

  const deploy = { ours: [], floor: [] }
  /** Without the client, whose start is most of what is left. */
  const byApi = []
  for (let run = 0; run < runs; run++) {
    deploy.ours.push((await deis('config:set', `RUN=${run}`, '-a', app)).ms)
    await settled(1)
    const asked = performance.now()
    await platform.call('POST', `/v2/apps/${app}/config/`, { values: { RUN: `api ${run}` } })
    byApi.push(performance.now() - asked)
    await settled(1)
    const began = performance.now()
    const name = await hand.start()
    deploy.floor.push(performance.now() - began)
    await hand.remove([name])
  }
  yield compared('deploy on docker', deploy, [`the same request without the client: ${listed(byApi)} ms`])

  const scale = { ours: [], floor: [] }
  for (let run = 0; run < runs; run++) {
    scale.ours.push((await deis('scale', 'web=10', '-a', app)).ms)
    await deis('scale', 'web=1', '-a', app)
    await settled(1)
    const began = performance.now()
    const names = await Promise.all(Array.from({ length: 9 }, () => hand.start()))
    scale.floor.push(performance.now() - began)
    await hand.remove(names)
  }
  yield compared('scale web=10 on docker', scale)
  await deis('destroy', '-a', app, `--confirm=${app}`)
}
