// How are the processes of one app kept together, and isolated from all others, on this machine?
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import initProgram from './programs/init.sh'
import outside from './programs/outside.sh'

/**
 * - `namespace`: a PID namespace for each pod, build step and one-off command, made as root
 * - `user-namespace`: the same without root
 * - `group`: process groups and a search by environment variable, which a process can leave
 */
export type IsolationKind = 'namespace' | 'user-namespace' | 'group'

export type Isolation = {
  readonly kind: IsolationKind
  /** What that means, as a line for `deis doctor`. */
  readonly detail: string
  /** PATH of the system's own tools. */
  readonly path: string
}

const details: Readonly<Record<IsolationKind, string>> = {
  namespace: 'everything that an app or a build starts ends with it, and apps do not see each other’s processes',
  'user-namespace':
    'everything that an app or a build starts ends with it, and apps do not see each other’s processes, but they all share the platform’s user',
  group:
    'the platform cannot create PID namespaces (unshare): a process that calls setsid and empties its environment can outlive its app, and apps see each other’s processes',
}

const run = promisify(execFile)
const trialMs = 10_000

/** Succeeds when it is not the first process, and sees only itself and the first one. */
const trial = 'set -- /proc/[0-9]*; [ "$$" -gt 1 ] && [ "$#" -eq 2 ]'

/**
 * How a command is started as the first process of a namespace of its own, by kind. `killed`: the file that says that it was
 * killed for its memory; empty: nobody asks.
 */
export function namespaceArguments(kind: Exclude<IsolationKind, 'group'>, killed = ''): string[] {
  const alone = kind === 'user-namespace'
  return [
    'unshare',
    // Without root, a process may mount only with the rights it has in a namespace of its users …
    ...(alone ? ['--user', '--map-current-user', '--keep-caps'] : []),
    '--pid',
    '--',
    // Without --fork the wrapper stays outside, and its first child is the first process inside. The tool's own fork would end
    // by what a terminal sends to all of them.
    '/bin/sh',
    '-c',
    outside,
    'deis',
    killed,
    'unshare',
    '--mount-proc',
    '--',
    // … which end here.
    ...(alone ? ['setpriv', '--inh-caps=-all', '--ambient-caps=-all', '--'] : []),
  ]
}

async function works(kind: Exclude<IsolationKind, 'group'>, path: string): Promise<boolean> {
  const [file = '', ...args] = namespaceArguments(kind)
  const init = ['setsid', '/bin/sh', '-c', initProgram, 'deis', '0', '0', '/bin/sh', '-c', trial]
  try {
    await run(file, [...args, ...init], { env: { PATH: path }, cwd: '/', timeout: trialMs })
    await run('nsenter', ['--version'], { env: { PATH: path }, cwd: '/', timeout: trialMs })
    if (kind === 'namespace') await run('setpriv', ['--reuid=65534', '--clear-groups', 'true'], { env: { PATH: path } })
    return true
  } catch {
    // Not permitted here, or the tool is missing.
    return false
  }
}

const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Tries what this machine can do, the strongest first. */
export async function openIsolation(): Promise<Isolation> {
  const kinds: IsolationKind[] = process.getuid?.() === 0 ? ['namespace', 'group'] : ['user-namespace', 'group']
  for (const kind of kinds)
    if (kind === 'group' || (process.platform === 'linux' && (await works(kind, systemPath))))
      return { kind, detail: details[kind], path: systemPath }
  throw new Error('unreachable: process groups always work')
}
