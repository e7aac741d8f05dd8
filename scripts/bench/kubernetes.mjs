// What does it cost to scale and to deploy through the platform rather than with kubectl?
import { cluster, kubectl, startOnCluster } from './cluster.mjs'
import { run } from './processes.mjs'

const runs = 3
// A container's first process ignores TERM unless it says otherwise, and what is measured waits for pods that end.
const program = `process.on('SIGTERM',()=>process.exit());require('http').createServer((q,s)=>s.end('ok')).listen(process.env.PORT)`

/** A Deployment like ours, which nobody but kubectl looks after. */
async function twin(scope, app, type, namespace) {
  const { stdout: text } = await kubectl(
    scope,
    'get',
    'deployment',
    `${app}-${type}`,
    `--namespace=${app}`,
    '--output=json',
  )
  const { spec } = JSON.parse(text)
  const [container] = spec.template.spec.containers
  const own = { ...container, env: [{ name: 'PORT', value: '8080' }] }
  const template = { ...spec.template, spec: { ...spec.template.spec, containers: [own] } }
  const copy = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'twin', namespace, labels: spec.selector.matchLabels },
    spec: { ...spec, template },
  }
  await kubectl(scope, 'create', 'namespace', namespace)
  await run(scope, 'kubectl', ['create', '--filename=-'], { input: JSON.stringify(copy) })
  await kubectl(scope, 'rollout', 'status', 'deployment/twin', `--namespace=${namespace}`)
  return { container: own.name, image: own.image, in: `--namespace=${namespace}` }
}

/** Pods that are still going take the node's time from what is measured next. */
async function settled(scope, namespace, count) {
  for (let tries = 0; tries < 600; tries++) {
    const { stdout: text } = await kubectl(scope, 'get', 'pods', `--namespace=${namespace}`, '--output=name')
    if (text.split('\n').filter(Boolean).length === count) return
    await new Promise((done) => setTimeout(done, 200))
  }
  throw new Error(`${namespace} did not come to ${count} pods`)
}

const listed = (values) => values.map((value) => value.toFixed(0)).join(', ')

const compared = (name, of, { ours, floor }) => ({
  name,
  of,
  unit: 'ms',
  ours,
  floor,
  most: 1.15,
  details: [`each run: ${listed(ours)}, beside ${listed(floor)} ms`],
})

/** Each is told when it is measured: all of them take minutes. */
export async function* measure({ root, scope }) {
  if (!cluster) return yield { name: 'scale', missing: 'no cluster: set KUBECONFIG and TEST_REGISTRY' }
  const platform = await startOnCluster({ root, scope })
  const app = `${platform.prefix}-app`
  const other = `${platform.prefix}-twin`
  const image = `${cluster.registry}/stack:1`
  const { deis } = platform
  await deis('create', app, '--no-remote')
  await deis('config:set', 'PORT=8080', '-a', app)
  await deis('pull', image, `--procfile=${JSON.stringify({ cmd: `node -e "${program}"` })}`, '-a', app)
  await deis('scale', 'cmd=1', '-a', app)
  const copy = await twin(scope, app, 'cmd', other)

  const scale = { ours: [], floor: [] }
  const down = { ours: [], floor: [] }
  for (let run = 0; run < runs; run++) {
    scale.ours.push((await deis('scale', 'cmd=10', '-a', app)).ms)
    down.ours.push((await deis('scale', 'cmd=1', '-a', app)).ms)
    await settled(scope, app, 1)
    const began = performance.now()
    await kubectl(scope, 'scale', '--replicas=10', 'deployment/twin', copy.in)
    await kubectl(scope, 'rollout', 'status', 'deployment/twin', copy.in)
    scale.floor.push(performance.now() - began)
    const ending = performance.now()
    await kubectl(scope, 'scale', '--replicas=1', 'deployment/twin', copy.in)
    await kubectl(scope, 'rollout', 'status', 'deployment/twin', copy.in)
    down.floor.push(performance.now() - ending)
    await settled(scope, other, 1)
  }
  yield compared('scale cmd=10', 'kubectl scale + rollout', scale)
  yield compared('scale cmd=1', 'kubectl scale + rollout', down)

  const deploy = { ours: [], floor: [] }
  for (let run = 0; run < runs; run++) {
    deploy.ours.push((await deis('config:set', `RUN=${run}`, '-a', app)).ms)
    await settled(scope, app, 1)
    const began = performance.now()
    // The same bits under another name: a new template.
    const next = run % 2 === 0 ? image : copy.image
    await kubectl(scope, 'set', 'image', 'deployment/twin', `${copy.container}=${next}`, copy.in)
    await kubectl(scope, 'rollout', 'status', 'deployment/twin', copy.in)
    deploy.floor.push(performance.now() - began)
    await settled(scope, other, 1)
  }
  yield compared('deploy of 1', 'kubectl set image + rollout', deploy)

  // Ten at once: by the surge that the platform chose for so many, on both sides.
  const roll = { ours: [], floor: [] }
  await deis('scale', 'cmd=10', '-a', app)
  const { stdout: text } = await kubectl(
    scope,
    'get',
    'deployment',
    `${app}-cmd`,
    `--namespace=${app}`,
    '--output=json',
  )
  const { replicas, strategy } = JSON.parse(text).spec
  await kubectl(
    scope,
    'patch',
    'deployment/twin',
    `--patch=${JSON.stringify({ spec: { replicas, strategy } })}`,
    copy.in,
  )
  await kubectl(scope, 'rollout', 'status', 'deployment/twin', copy.in)
  for (let run = 0; run < runs; run++) {
    roll.ours.push((await deis('config:set', `ROLL=${run}`, '-a', app)).ms)
    await settled(scope, app, 10)
    const began = performance.now()
    await kubectl(scope, 'set', 'env', 'deployment/twin', `ROLL=${run}`, copy.in)
    await kubectl(scope, 'rollout', 'status', 'deployment/twin', copy.in)
    roll.floor.push(performance.now() - began)
    await settled(scope, other, 10)
  }
  yield compared('deploy of 10', 'kubectl set env + rollout', roll)
}
