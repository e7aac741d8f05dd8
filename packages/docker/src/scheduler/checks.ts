// What can this backend do on this engine, and what can it not (docs/architecture.md, principle 6)?
import type { Check } from '@deis/types'
import type { Capabilities } from '@deis/ports/scheduler'
import type { Engine } from '../engine/engine.ts'
import type { Backend } from './backend.ts'

const pingMs = 10_000
const never = new AbortController().signal

function limits({ options: { engine } }: Backend): Check {
  const { MemoryLimit, CpuCfsQuota, PidsLimit } = engine.info
  const missing = [
    ...(MemoryLimit ? [] : ['memory']),
    ...(CpuCfsQuota ? [] : ['CPU']),
    ...(PidsLimit ? [] : ['number of processes']),
  ]
  return missing.length === 0
    ? { name: 'limits', status: 'ok', detail: 'memory, CPU and the number of processes of a container are limited' }
    : {
        name: 'limits',
        status: 'limited',
        detail: `this machine does not limit ${missing.join(', ')}: enable those cgroups`,
      }
}

/** Which engine it is, and whether such a one was tried. */
export function engineCheck(engine: Pick<Engine, 'acquaintance' | 'version' | 'api' | 'info'>): Check {
  const { acquaintance, version, api, info } = engine
  const detail = `Docker Engine ${version}, API ${api}, storage driver ${info.Driver}`
  switch (acquaintance) {
    case 'tried':
      return { name: 'docker', status: 'ok', detail }
    case 'untried':
      return {
        name: 'docker',
        status: 'ok',
        detail: `${detail}; the tests of this backend ran on Docker Engine 20.10 and 28.5`,
      }
    case 'newer':
      return {
        name: 'docker',
        status: 'limited',
        detail: `${detail}: it is newer than what this release of the platform was made for. Try a deploy before you rely on it, or upgrade the platform`,
      }
  }
}

/** Null: it answers. */
async function awayCheck(engine: Engine): Promise<Check | null> {
  const ping = { method: 'GET', path: '/_ping', ms: pingMs } as const
  const problem = await engine.send('asking the Docker Engine', ping, never).then(
    () => null,
    (error: Error) => error.message,
  )
  if (problem === null) return null
  const remedy = 'nothing is started or deployed until it runs; on a server with systemd: systemctl start docker'
  return { name: 'docker', status: 'missing', concern: 'broken', detail: `${problem}: ${remedy}` }
}

export function capabilitiesOf(backend: Backend): Capabilities {
  const { engine, pools } = backend.options
  const { info } = engine
  return {
    cluster: false,
    slugs: false,
    images: true,
    memoryLimits: info.MemoryLimit,
    cpuLimits: info.CpuCfsQuota,
    tags: false,
    healthchecks: true,
    autoscale: false,
    podsOnly: true,
    checks: async () => [
      (await awayCheck(engine)) ?? engineCheck(engine),
      limits(backend),
      {
        name: 'reach',
        status: 'ok',
        detail: backend.published
          ? 'containers are reached by ports of this machine, published on 127.0.0.1'
          : 'containers are reached by their address in the network of their app',
      },
      { name: 'networks', status: 'ok', detail: `each app has a network of its own, out of ${pools.join(', ')}` },
      !engine.init
        ? {
            name: 'init',
            status: 'limited',
            detail:
              'the engine has no init program, so a process that starts others has to wait for them itself: install docker-init (it comes with the packages docker.io and docker-ce), then restart Docker and the platform',
          }
        : { name: 'init', status: 'ok', detail: `${info.InitBinary} reaps orphans and passes signals on` },
      {
        name: 'restarts',
        status: 'ok',
        detail: info.LiveRestoreEnabled
          ? 'containers live on while the engine restarts'
          : 'containers end when the engine restarts, and are started again by the platform; "live-restore": true of the engine avoids that',
      },
      {
        name: 'metadata',
        status: 'limited',
        concern: 'exposed',
        detail:
          'apps can reach what this machine serves on all addresses, and a cloud’s metadata (169.254.169.254): deny those in the chain DOCKER-USER of iptables',
      },
      {
        name: 'autoscaling',
        status: 'missing',
        detail: 'tags and autoscaling are refused: run the platform on Kubernetes for those',
      },
    ],
  }
}
