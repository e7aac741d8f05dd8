// What is one container of an app, as the engine is asked to create it?
import { amounts } from '@deis/container/amounts'
import { cpuQuantity, memoryQuantity } from '@deis/container/quantity'
import { startOf } from '@deis/container/start'
import { DeployFailure, type Formation, type OneOff, type Probe } from '@deis/ports/scheduler'
import {
  appLabel,
  graceLabel,
  kindLabel,
  platformLabel,
  portLabel,
  readinessLabel,
  releaseLabel,
  typeLabel,
} from '../labels.ts'

export type ContainerParts = Pick<OneOff, 'app' | 'release' | 'env' | 'memory' | 'cpu'> & {
  readonly platform: string
  readonly name: string
  readonly kind: 'pod' | 'run'
  readonly artifact: Formation['artifact']
  readonly type: string
  readonly command: string | null
  /** Where it takes requests; null: nowhere. */
  readonly port: number | null
  /** For the next controller. */
  readonly readiness?: Probe
  /** Ports that are asked from here, where containers cannot be reached by their address; published on loopback. */
  readonly published: readonly number[]
  readonly network: string
  readonly graceSeconds: number
  /** A terminal, or only an input; null: neither. */
  readonly session: 'terminal' | 'pipe' | null
  /** What a session starts instead of the command. */
  readonly entrypoint?: readonly string[]
}

/** What the machine has and enforces. */
export type Machine = {
  readonly cores: number
  /** The engine can put a process in front that reaps orphans and passes signals on. */
  readonly init: boolean
  /** The kernel counts what is swapped out. */
  readonly swap: boolean
  /** It limits the number of processes. */
  readonly pids: boolean
}

/** A fork bomb ends here, and hurts its app only. */
const maxProcesses = 4096
/** What Docker accepts. */
const leastMemory = 6 * 2 ** 20
const leastCpu = 0.01
/** Images of strangers often start as root and step down; what was built from source needs nothing. */
const capabilities = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'SETUID', 'SETGID', 'KILL', 'NET_BIND_SERVICE']
/** Linux' limit for a host name. */
const longestHost = 63

/** As much of memory and swap together as of memory, so none of swap. Where that is not counted, a number would be a warning. */
export const swapOf = (memory: number, swap: boolean): number => (swap ? memory : -1)

/** The fields of `POST /containers/create` that are used. */
export type ContainerBody = Readonly<Record<string, unknown>> & {
  readonly HostConfig: Readonly<Record<string, unknown>>
}

/** @throws DeployFailure for what this machine cannot have. */
function limitsOf(
  { type, memory, cpu }: Pick<ContainerParts, 'type' | 'memory' | 'cpu'>,
  { cores, swap }: Machine,
): Record<string, number> {
  const bytes = amounts(memory, memoryQuantity)
  const shares = amounts(cpu, cpuQuantity)
  if (bytes.limit !== null && bytes.limit < leastMemory)
    throw new DeployFailure(
      `the memory limit of ${type} is ${memory}, and Docker needs at least 6M`,
      [],
      `Raise it: deis limits:set ${type}=64M`,
    )
  if (shares.limit !== null && (shares.limit < leastCpu || shares.limit > cores))
    throw new DeployFailure(
      `the CPU limit of ${type} is ${cpu}, and this machine has ${cores} cores`,
      [],
      `Choose one between 10m and ${cores}: deis limits:set --cpu ${type}=500m`,
    )
  return {
    ...(bytes.limit === null ? {} : { Memory: bytes.limit, MemorySwap: swapOf(bytes.limit, swap) }),
    ...(bytes.request === null ? {} : { MemoryReservation: Math.min(bytes.request, bytes.limit ?? bytes.request) }),
    ...(shares.limit === null ? {} : { NanoCpus: Math.round(shares.limit * 1e9) }),
    ...(shares.request === null ? {} : { CpuShares: Math.max(2, Math.round(shares.request * 1024)) }),
  }
}

const hostName = (name: string): string => name.slice(-longestHost).replace(/^[^A-Za-z0-9]+/, '')

/** Pure. @throws DeployFailure for what an engine cannot run. */
export function containerBody(parts: ContainerParts, machine: Machine): ContainerBody {
  const { artifact, type, command, port, network, session } = parts
  if (artifact.kind !== 'image')
    throw new DeployFailure(
      'Docker runs images, and this build is a slug',
      [],
      'Push the app again: it is built as an image then.',
    )
  const start = parts.entrypoint
    ? { command: [...parts.entrypoint], args: [] }
    : startOf(artifact.launcher, type, command, parts.kind === 'run')
  const bindings = parts.published.map((one) => [`${one}/tcp`, [{ HostIp: '127.0.0.1', HostPort: '' }]] as const)
  return {
    Image: artifact.reference,
    Hostname: hostName(parts.name),
    ...(start.command === undefined ? {} : { Entrypoint: start.command }),
    ...(start.args === undefined ? {} : { Cmd: start.args }),
    Env: Object.entries(parts.env).map(([name, value]) => `${name}=${value}`),
    Labels: {
      [platformLabel]: parts.platform,
      [appLabel]: parts.app,
      [typeLabel]: type,
      [releaseLabel]: String(parts.release),
      [kindLabel]: parts.kind,
      [graceLabel]: String(parts.graceSeconds),
      ...(port === null ? {} : { [portLabel]: String(port) }),
      ...(parts.readiness === undefined ? {} : { [readinessLabel]: JSON.stringify(parts.readiness) }),
    },
    // The platform has its own; an image's would run a command every half minute.
    Healthcheck: { Test: ['NONE'] },
    StopTimeout: parts.graceSeconds,
    Tty: session === 'terminal',
    OpenStdin: session !== null,
    StdinOnce: session !== null,
    ...(bindings.length === 0 ? {} : { ExposedPorts: Object.fromEntries(bindings.map(([name]) => [name, {}])) }),
    HostConfig: {
      ...limitsOf(parts, machine),
      ...(machine.pids ? { PidsLimit: maxProcesses } : {}),
      Init: machine.init,
      // Crashes are followed by rules of the platform, not of the engine.
      RestartPolicy: { Name: 'no' },
      AutoRemove: false,
      // Bounded, and readable whatever the engine's own default is.
      LogConfig: { Type: 'local', Config: { 'max-size': '10m', 'max-file': '3' } },
      NetworkMode: network,
      PortBindings: Object.fromEntries(bindings.map(([name, ports]) => [name, [...ports]])),
      SecurityOpt: ['no-new-privileges=true'],
      CapDrop: ['ALL'],
      CapAdd: artifact.launcher === 'none' ? capabilities : [],
    },
    NetworkingConfig: { EndpointsConfig: { [network]: { Aliases: [type.toLowerCase()] } } },
  }
}

/** What the engine says that it will not enforce. Memory is limited also where swap is not. */
export const isUnenforced = (warnings: readonly string[]): string | null =>
  warnings.find(
    (one) => /discarded|not supported|not support/i.test(one) && !/memory limited without swap/i.test(one),
  ) ?? null
