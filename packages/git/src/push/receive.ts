// What happens between the last byte of a push and the update of its refs?
import { writeFile } from 'node:fs/promises'
import { join, resolve, sep } from 'node:path'
import { archive, type Git } from '../git.ts'
import { look, wholeOf } from './contents.ts'
import type { HookCall, HookRequest } from './hooks.ts'
import { splitLines } from './lines.ts'
import type { GitServerDeps, Limits } from '../port.ts'
import type { OngoingPush, Pushes } from './pushes.ts'
import { branchesMatter, parseUpdates, type Plan, planPush, PushRefused } from './refs.ts'
import { branches, repoOf } from '../repos.ts'

export type Receiving = {
  readonly deps: GitServerDeps
  readonly limits: Limits
  readonly git: Git
  readonly pushes: Pushes
  /** For the files that tell the update hook that a ref is refused. */
  readonly runFolder: string
  /** When this server started: older locks of git have no owner. */
  readonly started: number
}

export function refusalsFile(runFolder: string, { app }: Pick<OngoingPush, 'app'>): string {
  return join(runFolder, `${app}.refused`)
}

/** The variables that make the pushed objects readable, and those only of this repository. @throws PushRefused */
function quarantine(repo: string, request: HookRequest): Record<string, string> {
  const path = resolve(repo, request.quarantine['GIT_QUARANTINE_PATH'] ?? '')
  const objects = resolve(repo, request.quarantine['GIT_OBJECT_DIRECTORY'] ?? '')
  if (!path.startsWith(join(repo, 'objects') + sep) || objects !== path)
    throw new PushRefused('git stores the pushed objects in an unexpected folder; nothing was changed.')
  return {
    GIT_QUARANTINE_PATH: path,
    GIT_OBJECT_DIRECTORY: path,
    GIT_ALTERNATE_OBJECT_DIRECTORIES: request.quarantine['GIT_ALTERNATE_OBJECT_DIRECTORIES'] ?? '',
  }
}

/** Sends complete plain lines, and `...` after a period without output. */
function lineOutput(show: (text: string) => void, silenceMs: number): { add(text: string): void; end(): void } {
  const lines = splitLines()
  const send = (ready: readonly string[]): void => {
    if (ready.length === 0) return
    show(`${ready.join('\n')}\n`)
    heartbeat.refresh()
  }
  const heartbeat = setInterval(() => show('...\n'), silenceMs)
  return {
    add: (text) => send(lines.add(text)),
    end() {
      send(lines.rest())
      clearInterval(heartbeat)
    },
  }
}

async function plan(to: Receiving, push: OngoingPush, request: HookRequest): Promise<Plan> {
  const updates = parseUpdates(request.updates)
  const { anyBranch } = to.deps
  const deployBranch = await to.deps.deployBranch(push.app)
  // To read them is a process of git.
  const existing = branchesMatter({ updates, deployBranch })
    ? await branches(to.git, repoOf(to.git.folder, push.app))
    : []
  return planPush({ updates, deployBranch, existing, anyBranch })
}

async function deploy(
  to: Receiving,
  push: OngoingPush,
  what: { readonly ref: string; readonly sha: string; readonly call: HookCall },
): Promise<void> {
  const repo = repoOf(to.git.folder, push.app)
  const { ref, sha, call } = what
  const object = { repo, sha, env: quarantine(repo, call.request) }
  const signal = AbortSignal.any([push.cancel.signal, call.gone])
  const { submodules } = await look(to, object, signal, ref)
  const output = lineOutput(call.show, to.limits.heartbeatMs)
  const deploying = (async () => {
    try {
      await to.deps.deploy({
        app: push.app,
        username: push.username,
        address: push.address,
        sha,
        ref,
        source: () => archive(to.git, object, signal),
        submodules,
        withSubmodules: wholeOf(to, object, submodules),
        options: call.request.options,
        output: (text) => output.add(text),
        signal,
        ended: push.ended,
      })
    } finally {
      output.end()
      push.deploying = null
    }
  })()
  // The lock is kept until then, whatever happens to the hook meanwhile.
  push.deploying = deploying.catch(() => {})
  await deploying
}

async function preReceive(to: Receiving, push: OngoingPush, call: HookCall): Promise<void> {
  const { request } = call
  if (request.options.some((option) => /\p{Cc}/u.test(option)))
    throw new PushRefused('A push option contains control characters.')
  const { deploy: wanted, refused, claims } = await plan(to, push, request)
  const lines = [...refused].map(([ref, reason]) => `${ref} ${reason}\n`)
  if (lines.length > 0) await writeFile(refusalsFile(to.runFolder, push), lines.join(''), { mode: 0o600 })
  if (!wanted) return
  await deploy(to, push, { ...wanted, call })
  if (claims !== null) await to.deps.setDeployBranch(push.app, claims)
  push.deployed = wanted.ref
}

const longestMessage = 4000

/** An error may repeat text that was pushed: control characters are removed, and its length is limited. */
function presentable(message: string): string {
  const lines = splitLines()
  const cut = message.length > longestMessage ? `${message.slice(0, longestMessage)}…` : message.trimEnd()
  return `${[...lines.add(`${cut}\n`), ...lines.rest()].join('\n')}\n`
}

/** What git's pre-receive hook exits with. */
export async function decide(to: Receiving, push: OngoingPush, call: HookCall): Promise<number> {
  try {
    await preReceive(to, push, call)
    return 0
  } catch (error) {
    const { message } = error as Error
    to.deps.log('info', 'push declined', { app: push.app, username: push.username, reason: message })
    call.show(presentable(message))
    return 1
  }
}
