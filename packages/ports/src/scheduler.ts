// What does the controller ask of the backend that runs processes (docs/architecture.md)?
import type { Readable } from 'node:stream'
import type { Check, SessionSignal, TerminalSize } from '@deis/types'
import type { Unready } from './resume.ts'

/** What a release runs: a slug by digest (`sha256:<hex>`), or an image by reference with digest. */
export type Artifact =
  | { readonly kind: 'slug'; readonly digest: string }
  | {
      readonly kind: 'image'
      /** `host/name@sha256:…`; on Docker also `sha256:…`, an image that its engine alone has. */
      readonly reference: string
      /**
       * What starts commands in it: `none` its own entry point, or a shell; `slug` the launcher of the platform's buildpacks
       * (`slugLauncher`), which reads `.profile.d`; `cnb` the launcher of Cloud Native Buildpacks (`cnbLauncher`).
       */
      readonly launcher: 'none' | 'slug' | 'cnb'
    }

/** In every slug image: `/runner/init <command>` prepares the environment and then becomes the command (docs/contract/api.md §3.8). */
export const slugLauncher = '/runner/init'
/** In every image of Cloud Native Buildpacks; takes a command as one text. A process type starts as `cnbProcess(type)`. */
export const cnbLauncher = '/cnb/lifecycle/launcher'
export const cnbProcess = (type: string): string => `/cnb/process/${type}`
/** Where buildpack apps listen unless their config has a PORT (docs/contract/api.md §3.9). */
export const slugPort = 5000

/** Kubernetes' own probe words (docs/contract/api.md §2.5); times in seconds. */
export type Probe = {
  readonly exec?: { readonly command: readonly string[] }
  readonly httpGet?: {
    readonly port: number
    readonly path?: string
    readonly scheme?: string
    readonly httpHeaders?: readonly { readonly name: string; readonly value: string }[]
  }
  readonly tcpSocket?: { readonly port: number }
  readonly initialDelaySeconds?: number
  readonly timeoutSeconds?: number
  readonly periodSeconds?: number
  readonly successThreshold?: number
  readonly failureThreshold?: number
}

export type ProcessSpec = {
  /** Runs as `bash -c <command>`, or by the artifact's launcher; null: the artifact's own entry point, or process type. */
  readonly command: string | null
  readonly replicas: number
  /** `LIMIT` or `REQUEST/LIMIT` as the user wrote it; undefined: no limit. */
  readonly memory?: string
  readonly cpu?: string
  readonly livenessProbe?: Probe
  readonly readinessProbe?: Probe
  /** Between TERM and KILL. */
  readonly graceSeconds: number
  /** If set, the backend chooses the number between `min` and `max`; `replicas` counts only if it is 0 or the type does not run yet. */
  readonly autoscale?: { readonly min: number; readonly max: number; readonly cpuPercent: number }
}

/** The desired state of one app: plain data, everything read from one release (docs/architecture.md, principle 4). */
export type Formation = {
  readonly app: string
  /** The number N of release vN. */
  readonly release: number
  /** Of the release, shown in the backend itself. */
  readonly summary: string
  readonly artifact: Artifact
  /** Platform variables and the user's, merged. A backend that owns the port sets PORT itself. */
  readonly env: Readonly<Record<string, string>>
  readonly processes: Readonly<Record<string, ProcessSpec>>
  /** The type that receives requests; it must listen on PORT to count as ready. Null: none. */
  readonly routable: string | null
  /** Where the routable type listens (docs/contract/api.md §3.9); null: unknown. A backend that assigns ports ignores it. */
  readonly port: number | null
  readonly tags: Readonly<Record<string, string>>
  readonly registry: Readonly<Record<string, string>>
  /** How long new processes may take until all are ready (docs/contract/api.md §3.14 DEIS_DEPLOY_TIMEOUT). */
  readonly deployTimeoutSeconds: number
  /** New pods started at once (DEIS_DEPLOY_BATCHES); 0: as many as nodes match. The timeout above is for each batch. */
  readonly batches: number
  /** KUBERNETES_DEPLOYMENTS_REVISION_HISTORY_LIMIT; null: the backend's default. */
  readonly historyLimit: number | null
  readonly pullPolicy: 'Always' | 'IfNotPresent' | 'Never'
}

/** How an app is reached from outside (docs/contract/api.md §4.4). Changing it creates no release. */
export type Edge = {
  readonly app: string
  /** Host names; one without a dot is a label under the platform domain. */
  readonly hosts: readonly string[]
  readonly routable: boolean
  readonly maintenance: boolean
  readonly whitelist: readonly string[]
  readonly enforceTls: boolean
  /** The name of the certificate for each host. */
  readonly certificates: readonly { readonly host: string; readonly name: string }[]
}

/** Where requests of an app go right now. */
export type Upstreams = {
  /** `host:port`. Empty while no process is ready. */
  readonly addresses: readonly string[]
  /** Each address stands for several processes, behind the backend's own load balancer. */
  readonly shared: boolean
}

/** The states of docs/contract/api.md §4.10. Kubernetes may add its own waiting reasons, verbatim. */
export const podStates = [
  'initializing',
  'creating',
  'starting',
  'up',
  'terminating',
  'down',
  'destroyed',
  'crashed',
  'error',
] as const
export type PodState = (typeof podStates)[number]

export type ObservedPod = {
  readonly name: string
  readonly type: string
  readonly release: number
  readonly state: PodState | (string & {})
  readonly started: Date
  /** `host:port` for requests: only of ready pods of the routable type, on backends whose router sends to single pods. */
  readonly address: string | null
}

export type OneOff = Pick<Formation, 'app' | 'release' | 'artifact' | 'env' | 'tags' | 'registry' | 'pullPolicy'> & {
  /** The name of its pod, from `oneOffName`; if absent, the backend chooses one. */
  readonly name?: string
  readonly command: string
  readonly memory?: string
  readonly cpu?: string
  readonly timeoutSeconds: number
}

export type LogLine = {
  readonly time: Date
  /** `web.v3.x2x4z`: type, release, last part of the pod name (docs/contract/api.md §4.14). */
  readonly source: string
  readonly text: string
}

/** The input and output of a session's command. */
export type SessionIo = {
  /** Null: no terminal. Then stdout and stderr are separate, and Ctrl-C is not a signal. */
  readonly terminal: (TerminalSize & { readonly name: string }) | null
  /** What the command reads, to its end. Null: its input is empty. */
  readonly input: Readable | null
  /** With a terminal everything is `stdout`. No more is read from the command until the promise resolves. */
  output(from: 'stdout' | 'stderr', chunk: Buffer): Promise<void>
  /** Aborted: the command is ended, with everything that it has started. */
  readonly signal: AbortSignal
}

export type Session = {
  /** The pod it runs in. */
  readonly pod: string
  /**
   * The exit code, after all output was passed on; a signal N gives 128+N. Rejects with the signal's reason if cancelled,
   * with an error named TimeoutError if out of time, and with another error if its pod went away.
   */
  readonly exited: Promise<number>
  /** Does nothing without a terminal. */
  resize(size: TerminalSize): void
  /** Signals the command and what it has started; at a terminal, like Ctrl-C, what runs in the foreground. Does nothing after its end. */
  kill(name: SessionSignal): Promise<void>
}

/** The pod of an `exec` is not there, or not up. */
export class NoSuchPod extends Error {}

/** This backend, or this version of it, cannot do that for sessions. */
export class SessionRefused extends Error {}

/** A deploy, scale or restart that failed. What ran before still runs. */
export class DeployFailure extends Error {
  /** Lines that show the failure: the pod's last output, events, exit code. */
  readonly evidence: readonly string[]
  /** What you can do next. */
  readonly hint: string

  constructor(cause: string, evidence: readonly string[], hint: string) {
    super(cause)
    this.name = 'DeployFailure'
    this.evidence = evidence
    this.hint = hint
  }
}

/** The backend already has something with that name, which is not an app of this platform. */
export class NameTaken extends Error {}

export type Capabilities = {
  readonly slugs: boolean
  readonly images: boolean
  readonly memoryLimits: boolean
  readonly cpuLimits: boolean
  readonly tags: boolean
  readonly healthchecks: boolean
  readonly autoscale: boolean
  /** Apps are namespaces and objects of a cluster: errors speak of them, in the original's words. */
  readonly cluster: boolean
  /** How many more processes it can run; absent: unlimited, as far as the platform knows. */
  readonly freeProcesses?: number
  /** An app has nothing but pods in this backend: if none are wanted and none run, `apply` changes nothing. */
  readonly podsOnly?: boolean
  /** Why `autoscale` is false, and how to enable it, if that is possible. */
  readonly noAutoscale?: string
  /** Lines for `deis doctor`, checked at each call; everything else may be some minutes old. */
  checks(): Promise<readonly Check[]>
}

export type Progress = (line: string) => void

export type Scheduler = {
  /** `process`, `kubernetes`, `memory` … */
  readonly name: string
  capabilities(): Promise<Capabilities>
  /**
   * Prepares the backend for a new app, before it has anything to run. Idempotent for an app of this platform.
   * @throws NameTaken
   */
  prepare(app: string, signal: AbortSignal): Promise<void>
  /** Stores in the backend how the app is reached. Idempotent; prepares the app if it is not. */
  setEdge(edge: Edge, signal: AbortSignal): Promise<void>
  /** Where routers send the app's requests. */
  upstreams(app: string): Promise<Upstreams>
  /** How many nodes have all these labels; a backend without nodes counts as one. */
  matchingNodes(tags: Readonly<Record<string, string>>): Promise<number>
  /**
   * Brings what runs to the formation: new pods are started and ready → routed → old ones drained and stopped. Idempotent:
   * pods of the same release and type are kept, only their number changes. Resolves when every type is ready; old pods are
   * drained after that. Types that are no longer in the formation are stopped.
   * @throws DeployFailure if a pod crashes before it is ready or is not ready in time; the new pods are then gone, and the
   *   previous ones still serve, exactly as before.
   * @throws the signal's reason if cancelled; nothing new is left behind then, either.
   */
  apply(formation: Formation, signal: AbortSignal, progress: Progress): Promise<void>
  /**
   * Runs again what a release that was applied ran before the machine, the backend or the platform was restarted. Pods that
   * run are kept. Each that is missing is started, takes requests as soon as it is ready, and is started again after growing
   * pauses when it fails, whatever becomes of the others. While pods of another release serve, it is `apply`. Resolves with
   * the pods that are not ready, when each has become ready or failed, or after some seconds.
   * @throws DeployFailure if what is to run is not there; the signal's reason if cancelled, and what was started goes on.
   */
  resume(formation: Formation, signal: AbortSignal): Promise<readonly Unready[]>
  /** Every pod of the app, including one-off ones (type `run`), in no particular order. Unknown app: none. */
  observe(app: string): Promise<readonly ObservedPod[]>
  /**
   * Replaces the chosen pods by new ones of the same release, which start first. Resolves with the new pods when they are
   * ready; nothing chosen: an empty list. `name` takes precedence over `type`.
   */
  restart(
    app: string,
    which: { readonly type?: string; readonly name?: string },
    signal: AbortSignal,
  ): Promise<readonly ObservedPod[]>
  /**
   * Runs one command to its end in a new copy of the artifact.
   * @returns the exit code; a signal N gives 128+N.
   * @throws the signal's reason if cancelled, an error named TimeoutError if out of time; the command is then stopped.
   */
  run(oneOff: OneOff, io: { output(chunk: string): void; signal: AbortSignal }): Promise<number>
  /**
   * Like `run`, but in a session: neither its input nor its output goes into the logs. Resolves when the command runs.
   * @throws like `run`; SessionRefused
   */
  open(oneOff: OneOff, io: SessionIo): Promise<Session>
  /**
   * Runs one more command in a pod that is up, in a session, with that pod's files, user and environment. It ends with the pod
   * at the latest, and the pod does not wait for it.
   * @throws NoSuchPod, SessionRefused
   */
  exec(
    target: { readonly app: string; readonly pod: string; readonly command: string },
    io: SessionIo,
  ): Promise<Session>
  /** The newest `lines` lines of all the app's pods, including those that are gone, oldest first. */
  logs(app: string, options: { readonly lines: number }): Promise<readonly LogLine[]>
  /**
   * Answers like `logs`, and then calls back with each later line, also of later pods, until the signal is aborted. Between
   * the answer and the first call no line is missing or comes twice. Lines of one pod come in order.
   */
  follow(
    app: string,
    options: { readonly lines: number },
    onLine: (line: LogLine) => void,
    signal: AbortSignal,
  ): Promise<readonly LogLine[]>
  /** Stops everything of the app and deletes all that the backend holds of it. Idempotent. */
  remove(app: string, signal: AbortSignal): Promise<void>
  /** Calls back with an app's id whenever the answer of `observe` or `upstreams` may have changed. Returns the function that ends it. */
  onChange(listener: (app: string) => void): () => void
  /** Closes the scheduler; `stop` also stops every pod of a backend that ends with the platform (the next `apply` starts them again). */
  close(options: { readonly stop: boolean }): Promise<void>
}
