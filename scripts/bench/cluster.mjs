// How does a measurement on a Kubernetes cluster come to a platform, a person with the command line, and kubectl?
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { startPlatform } from './platform.mjs'
import { cleanEnv } from './processes.mjs'

export const cluster =
  process.env.KUBECONFIG && process.env.TEST_REGISTRY
    ? { kubeconfig: process.env.KUBECONFIG, registry: process.env.TEST_REGISTRY }
    : null

/** Runs a program to its end; gives what it printed and how long it took in milliseconds. */
export async function timed(scope, command, args, { env = process.env, cwd, input } = {}) {
  const began = performance.now()
  const child = spawn(command, args, {
    env,
    cwd,
    stdio: ['pipe', 'pipe', 'pipe'],
    signal: scope.signal,
    timeout: 300_000,
  })
  const said = ['', '']
  child.stdout.on('data', (part) => (said[0] += part))
  child.stderr.on('data', (part) => (said[1] += part))
  child.stdin.end(input)
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with code ${code}: ${said.join('')}`)
  return { text: said[0], ms: performance.now() - began }
}

export const kubectl = (scope, ...args) => timed(scope, 'kubectl', args)

/** The platform here, its apps on the cluster; `deis` is the built command line of a person who is signed in. */
export async function startOnCluster({ root, scope, env = {} }) {
  const prefix = `bench-${randomBytes(3).toString('hex')}`
  const platform = await startPlatform({
    root,
    scope,
    env: {
      DEIS_SCHEDULER: 'kubernetes',
      DEIS_REGISTRY_INSECURE: cluster.registry,
      DEIS_BUILD_NAMESPACE: `${prefix}-builds`,
      KUBERNETES_POD_TERMINATION_GRACE_PERIOD_SECONDS: '1',
      DEIS_POD_DRAIN_SECONDS: '1',
      KUBECONFIG: cluster.kubeconfig,
      ...env,
    },
  })
  const patient = { signal: new AbortController().signal }
  scope.defer(async () => {
    const { text } = await kubectl(patient, 'get', 'namespaces', '--output=name')
    const ours = text.split('\n').filter((name) => name.startsWith(`namespace/${prefix}`))
    if (ours.length > 0) await kubectl(patient, 'delete', '--wait=false', ...ours)
  })
  const home = join(platform.folder, 'person')
  mkdirSync(home, { mode: 0o700 })
  const deis = (...args) =>
    timed(scope, process.execPath, [join(root, 'dist/cli/deis.js'), ...args], {
      env: { ...cleanEnv(), HOME: home },
      cwd: home,
    })
  await deis('login', platform.api, '--username=bench', '--password=a password for bench')
  return { ...platform, prefix, deis }
}
