// How are programs started, watched and ended by a measurement?
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { availableParallelism } from 'node:os'

const startMs = 60_000
const stopMs = 45_000

/** What npm and git leave in the environment is not what an operator has. */
export function cleanEnv() {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(NODE_|DEIS_|GIT_|DATABASE_URL$|INIT_CWD$|npm_(lifecycle|package)_)/.test(name),
    ),
  )
}

/** Different ones, on which nobody listens. */
export async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => server.address().port)
  await Promise.all(servers.map((server) => once(server.close(), 'close')))
  return ports
}

export function hasProgram(name) {
  return spawnSync(name, ['-v'], { stdio: 'ignore' }).error === undefined
}

let pinning

/** The command that keeps to one core: 0 for what is measured, 1 for all around it. Unchanged where that is impossible. */
export function onCore(core, command, args) {
  pinning ??=
    availableParallelism() > 1 && spawnSync('taskset', ['-c', '0,1', 'true'], { stdio: 'ignore' }).status === 0
  return pinning ? ['taskset', ['-c', String(core), command, ...args]] : [command, args]
}

/** Keeps a running process, with all its threads, to a core. */
export function pin(pid, core) {
  spawnSync('taskset', ['-a', '-c', '-p', String(core), String(pid)], { stdio: 'ignore' })
}

async function end(child, signal) {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  const late = setTimeout(() => child.kill('SIGKILL'), stopMs)
  child.kill(signal)
  await exit
  clearTimeout(late)
}

/** Runs to the end, and gives what was printed and the milliseconds that it took. `onLine` gets each line of its stderr as it comes. @throws when it fails or takes too long. */
export async function run(scope, command, args, { seconds = 300, onLine, input, ...options } = {}) {
  const began = performance.now()
  const child = spawn(command, args, { ...options, stdio: ['pipe', 'pipe', 'pipe'] })
  child.stdin.end(input)
  const out = { stdout: '', stderr: '' }
  let rest = ''
  child.stdout.setEncoding('utf8').on('data', (text) => (out.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text) => {
    out.stderr += text
    const lines = (rest + text).split(/[\r\n]/)
    rest = lines.pop()
    for (const line of lines) onLine?.(line)
  })
  const stop = AbortSignal.any([scope.signal, AbortSignal.timeout(seconds * 1000)])
  const kill = () => child.kill('SIGKILL')
  stop.addEventListener('abort', kill)
  try {
    const [code, signal] = await once(child, 'close')
    stop.throwIfAborted()
    if (code !== 0)
      throw new Error(`${command} ${args.join(' ')} ended with ${signal ?? code}:\n${out.stdout}${out.stderr}`)
    return { ...out, ms: performance.now() - began }
  } finally {
    stop.removeEventListener('abort', kill)
  }
}

/**
 * Starts a program that goes on until the scope closes, and waits for its first message (`ipc`) or for `until` to find
 * something in its output.
 */
export async function start(scope, command, args, { until, log, endWith = 'SIGTERM', ...options }) {
  const file = openSync(log, 'a')
  const child = spawn(command, args, { ...options, stdio: ['ignore', file, file, ...(until ? [] : ['ipc'])] })
  closeSync(file)
  scope.defer(() => end(child, endWith))
  const over = new AbortController()
  const signal = AbortSignal.any([over.signal, scope.signal, AbortSignal.timeout(startMs)])
  const ended = Promise.race([once(child, 'exit', { signal }), once(child, 'error', { signal })]).then(() => {
    throw new Error('it ended')
  })
  try {
    const first = until
      ? (async () => {
          for (;;) {
            const found = until(readFileSync(log, 'utf8'))
            if (found) return found
            signal.throwIfAborted()
            await new Promise((go) => setTimeout(go, 20))
          }
        })()
      : once(child, 'message', { signal }).then(([message]) => message)
    return { child, first: await Promise.race([first, ended]) }
  } catch (error) {
    throw new Error(`${command} ${args.join(' ')} did not start: ${readFileSync(log, 'utf8')}`, { cause: error })
  } finally {
    over.abort()
  }
}

export function childrenOf(pid) {
  return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  )
}

// After the program's name, which may hold spaces: utime and stime are fields 14 and 15, in hundredths, and then those of
// the children that it has waited for.
const cpuOf = (pid, fields) => {
  const all = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ')
  return fields.reduce((sum, field) => sum + Number(all[field - 3]), 0) / 100
}

export const cpuSeconds = (pid) => cpuOf(pid, [14, 15])

/** With that of the children that have ended. */
export const cpuSecondsOfAll = (pid) => cpuOf(pid, [14, 15, 16, 17])
