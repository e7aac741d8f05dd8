// Why does a pod or a ReplicaSet not come up, and what can the app's owner do about it?
import type { Pod, ReplicaSet } from '../client/objects.ts'
import { exitFailure } from '@deis/ports/exit'
import { containerOf, hasNeverRun, isOutOfMemory } from '../cluster/containers.ts'
import { isOfImage, isQuotaFull, type Obstacle, obstacleOf, unscheduledOf } from '../cluster/obstacle.ts'
import { securityHint } from './refusal.ts'

export type Trouble = {
  readonly cause: string
  /** Lines from Kubernetes about it. */
  readonly details: readonly string[]
  readonly hint: string
  readonly pod: Pod | null
  /** How long it must last to count, in seconds; null: until the deploy's time is over. */
  readonly patience: number | null
}

type Cause = Pick<Trouble, 'cause' | 'hint' | 'patience'>

const lines = (text: string | undefined): string[] => (text === undefined || text === '' ? [] : [text])

/** The kubelet retries after ten seconds. */
const secondPullSeconds = 15

const startHint = 'Check its command in the Procfile; commands are run by /bin/bash, which the image must have.'

function causeOf(type: string, image: string, { kind, reason, isPermanent }: Obstacle): Cause {
  switch (kind) {
    case 'pull':
      return {
        cause: `the image of ${type} cannot be pulled: ${image}`,
        hint: 'Check its name, and `deis registry:set username=… password=…` if it is private.',
        patience: isPermanent ? 0 : secondPullSeconds,
      }
    case 'name':
      return { cause: `the image of ${type} has an invalid name: ${image}`, hint: 'Check its name.', patience: 0 }
    case 'absent':
      return {
        cause: `the image of ${type} is not on the node, and may not be pulled: ${image}`,
        hint: 'Allow it with `deis config:set IMAGE_PULL_POLICY=IfNotPresent`.',
        patience: 0,
      }
    case 'start':
      return { cause: `${type} cannot be started (${reason})`, hint: startHint, patience: 0 }
    case 'create':
      // A kubelet that has not yet seen a new secret reports this, too.
      return {
        cause: `the container of ${type} cannot be created (${reason})`,
        hint: "Deploy again. If it fails again, show this to the platform's admin.",
        patience: 8,
      }
  }
}

/** A failed start counts when it is the second one, or certain to fail again. */
function endTrouble(type: string, pod: Pod): Trouble | null {
  const container = containerOf(pod)
  const now = container?.state?.terminated
  const last = now ?? container?.lastState?.terminated
  if (!container || !last) return null
  const ends = (container.restartCount ?? 0) + (now ? 1 : 0)
  const details = lines(last.message)
  if (isOutOfMemory(last))
    return {
      cause: `${type} was killed because it used more memory than its limit (OOMKilled) before it was ready`,
      details,
      hint: `Give it more, for example \`deis limits:set ${type}=1G\`, or make it use less.`,
      pod,
      patience: 0,
    }
  if (hasNeverRun(last))
    return { cause: `${type} cannot be started (${last.reason})`, details, hint: startHint, pod, patience: 0 }
  const isCertain = last.exitCode === 126 || last.exitCode === 127
  if (ends < 2 && !isCertain) return null
  const { message, hint } = exitFailure(type, { code: last.exitCode, signal: null }, [], null)
  return { cause: message, details, hint, pod, patience: 0 }
}

const noNode = /^0\/(\d+) nodes are available: \1 node\(s\) didn't match (node selector|Pod's node affinity)/

function schedulingTrouble(type: string, pod: Pod): Trouble | null {
  const unscheduled = unscheduledOf(pod)
  if (unscheduled?.reason !== 'Unschedulable') return null
  const details = lines(unscheduled.message)
  const matched = noNode.test(unscheduled.message ?? '')
  return {
    cause: `${type} does not fit on any node: ${unscheduled.message ?? 'no reason given'}`,
    details,
    hint: matched
      ? 'Change the tags with `deis tags:set` or `deis tags:unset`, or label a node.'
      : 'Lower its limits or its number of processes, or add nodes to the cluster.',
    pod,
    // A cluster with an autoscaler may add a node meanwhile.
    patience: matched ? 1 : null,
  }
}

/** Why the container is not started; null: it is on its way. */
function startTrouble(type: string, pod: Pod): Trouble | null {
  const container = containerOf(pod)
  if (!container) return null
  const message = container.state?.waiting?.message ?? ''
  const details = lines(message)
  const obstacle = obstacleOf(container)
  const rights = obstacle && isOfImage(obstacle) ? null : securityHint(message)
  if (rights !== null) {
    const cause = `${type} may not run with the rights it requests: ${message}`
    return { cause, details, hint: rights, pod, patience: 0 }
  }
  const image = pod.spec?.containers[0]?.image ?? ''
  return obstacle && { ...causeOf(type, image, obstacle), details, pod }
}

/** Why a pod that was never ready does not come up; null: no reason found. */
export const podTrouble = (type: string, pod: Pod): Trouble | null =>
  endTrouble(type, pod) ?? startTrouble(type, pod) ?? schedulingTrouble(type, pod)

/** Why pods are not even created: quota, limit ranges, admission. */
export function creationTrouble(type: string, replicaSet: ReplicaSet, going: boolean): Trouble | null {
  const failed = replicaSet.status?.conditions?.find((one) => one.type === 'ReplicaFailure' && one.status === 'True')
  if (failed?.reason !== 'FailedCreate') return null
  const message = failed.message ?? ''
  const quota = isQuotaFull(message)
  return {
    cause: `${quota ? `the quota is too small for ${type}` : `the cluster refuses to create ${type}`}: ${message}`,
    details: [`FailedCreate: ${message}`],
    hint: quota
      ? 'Scale the app down, lower its limits, or ask for a larger quota.'
      : (securityHint(message) ?? "Change the limits as the message says, or show it to the platform's admin."),
    pod: null,
    // Pods that are ending will free their quota.
    patience: going ? null : 3,
  }
}

type ReadinessProbe = NonNullable<NonNullable<Pod['spec']>['containers'][number]['readinessProbe']>

function describeProbe({ tcpSocket, httpGet, exec }: ReadinessProbe): string {
  if (tcpSocket) return `a connection to port ${tcpSocket.port}`
  if (httpGet) return `GET ${httpGet.path ?? '/'} on port ${httpGet.port}`
  return exec?.command?.join(' ') ?? 'unknown'
}

/** The failure when the time is over and no other cause was found. */
export function lateTrouble(type: string, seconds: number, port: number | null, pod: Pod | null): Trouble {
  const container = pod ? containerOf(pod) : undefined
  const runs = container?.state?.running !== undefined
  const waits = container?.state?.waiting?.reason
  const why = runs ? '' : waits === undefined ? ' (it has not been started yet)' : ` (${waits})`
  const probe = pod?.spec?.containers[0]?.readinessProbe
  return {
    cause: `${type} was not ready within ${seconds} s${why}`,
    // Not from events: nodes drop them when they are busy.
    details: runs && probe ? [`its readiness probe did not pass: ${describeProbe(probe)}`] : [],
    hint: !runs
      ? 'Deploy again, or allow more time with `deis config:set DEIS_DEPLOY_TIMEOUT=…`.'
      : probe?.tcpSocket && probe.tcpSocket.port === port
        ? `It must listen on port ${port} on all addresses (0.0.0.0): let it use the environment variable PORT.`
        : 'Make its health check pass, change it with `deis healthchecks:set`, or allow more time with `deis config:set DEIS_DEPLOY_TIMEOUT=…`.',
    pod,
    patience: 0,
  }
}
