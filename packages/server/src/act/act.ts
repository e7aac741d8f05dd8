// How are the steps of a plan done, one after the other?
import { lstat, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '../failure.ts'
import type { Io } from '../io.ts'
import { type Condition, needsMachine, type Step, titleOf } from '../install/step.ts'
import { ask } from '../machine/ask.ts'
import { putFile, putFolder, putLink } from './files.ts'
import { reach } from './reach.ts'
import { putRelease } from './release.ts'

export type Tree = {
  /** Before every path; empty: this machine itself. */
  readonly root: string
}

/** Longer than a service may take to stop. */
const runMs = 120_000

async function addUser(name: string): Promise<boolean> {
  if ((await ask(['getent', 'passwd', name])).code === 0) return false
  const { code, stderr } = await ask([
    'useradd',
    '--system',
    '--user-group',
    '--no-create-home',
    '--home-dir',
    '/nonexistent',
    '--shell',
    '/usr/sbin/nologin',
    '--',
    name,
  ])
  if (code !== 0) throw new Failure(`the user ${name} could not be added: ${stderr.trim()}`)
  return true
}

/** When the unit was started; null: it does not run. */
async function startOf(unit: string): Promise<number | null> {
  const properties = ['ActiveState', 'ActiveEnterTimestampMonotonic'].map((name) => `--property=${name}`)
  const { stdout } = await ask(['systemctl', 'show', ...properties, '--', unit])
  const state = /^ActiveState=active$/m.test(stdout)
  const microseconds = Number(/^ActiveEnterTimestampMonotonic=(\d+)$/m.exec(stdout)?.[1] ?? 0)
  if (!state || microseconds === 0) return null
  return Date.now() - (Number(process.hrtime.bigint()) / 1e6 - microseconds / 1e3)
}

/** Also what a run changed that was killed before the service could be started again. */
async function isDue({ changed: paths, stopped }: Condition, changed: ReadonlySet<string>): Promise<boolean> {
  const start = await startOf(stopped)
  if (start === null || paths.some((path) => changed.has(path))) return true
  const times = await Promise.all(paths.map(async (path) => (await lstat(path)).mtimeMs))
  return times.some((time) => time > start)
}

async function runProgram(
  step: Step & { kind: 'run' },
  changed: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<boolean> {
  const { argv, if: condition, mayFail = false } = step
  if (condition && !(await isDue(condition, changed))) return false
  const { code, stderr } = await ask(argv, runMs)
  // Ctrl-C in a terminal ends the program, too.
  signal.throwIfAborted()
  if (code !== 0 && !mayFail) throw new Failure(`${argv.join(' ')} failed: ${stderr.trim()}`)
  return code === 0
}

async function awaitAnswer(
  { for: what, url, host, seconds }: Step & { kind: 'wait' },
  { out, signal }: Pick<Io, 'out' | 'signal'>,
): Promise<boolean> {
  const slow = (missed: string): void =>
    out(`waiting   for ${what} (${missed}); what it does: journalctl -f -u deis-controller -u deis-router`)
  const problem = await reach(url, host, { seconds, slow }, signal)
  if (problem === null) return false
  throw new Failure(
    `${what} does not answer after ${seconds} s at ${url}: ${problem}`,
    'See why: journalctl -n 50 -u deis-controller -u deis-router',
  )
}

/** Whether it changed something. */
async function act(
  step: Step,
  { root }: Tree,
  changed: ReadonlySet<string>,
  io: Pick<Io, 'out' | 'signal'>,
): Promise<boolean> {
  switch (step.kind) {
    case 'user':
      return addUser(step.name)
    case 'folder':
      return putFolder(join(root, step.path), step.mode)
    case 'release':
      return putRelease(step.from, join(root, step.path))
    case 'link':
      return putLink(join(root, step.path), step.to)
    case 'file':
      return putFile(join(root, step.path), step.content, step.mode)
    case 'remove':
      await rm(join(root, step.path), { recursive: true, force: true })
      return true
    case 'run':
      return runProgram(step, changed, io.signal)
    case 'wait':
      return awaitAnswer(step, io)
  }
}

/** Says what each step did. Under another root, what needs the machine itself is listed and not done. */
export async function carryOut(steps: readonly Step[], tree: Tree, io: Pick<Io, 'out' | 'signal'>): Promise<void> {
  const changed = new Set<string>()
  for (const step of steps) {
    io.signal.throwIfAborted()
    if (tree.root !== '' && needsMachine(step)) {
      io.out(`not done  ${titleOf(step)}`)
      continue
    }
    const did = await act(step, tree, changed, io)
    if (did && 'path' in step) changed.add(step.path)
    io.out(`${did || step.kind === 'wait' ? 'done' : 'kept'}      ${titleOf(step)}`)
  }
}
