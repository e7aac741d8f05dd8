// How does a person use the platform: with the deis command, git and ssh, in a home of their own?
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run, type RunOptions, type Result, type Running, start } from './child.ts'
import { cleanEnv, type Platform, registrationToken, root } from './platform.ts'

/** What users of a platform have to know of it. */
export type PlatformAddresses = Pick<Platform, 'folder' | 'api' | 'git'> & {
  /** What else is in the environment of its users. */
  readonly env?: NodeJS.ProcessEnv
}

export const password = 'correct horse battery staple'

type More = { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv; readonly input?: string }

export type Person = {
  readonly name: string
  readonly home: string
  readonly env: NodeJS.ProcessEnv
  /** The deis command, whatever comes of it. */
  deis(args: readonly string[], more?: More): Promise<Result>
  /** The same, for what has to work. @throws when it does not. */
  does(args: readonly string[], more?: More): Promise<string>
  git(args: readonly string[], cwd: string, env?: NodeJS.ProcessEnv): Promise<Result>
  /** A git command that goes on while the test does. */
  startGit(args: readonly string[], cwd: string): Running
  /** What an ssh client gets for these words. */
  ssh(words: readonly string[]): Promise<Result>
  token(): Promise<string>
}

export function mustWork({ code, stdout, stderr }: Result, what: string): string {
  if (code !== 0) throw new Error(`${what} ended with code ${code}:\n${stdout}${stderr}`)
  return stdout
}

function sshOptions(home: string): string[] {
  const options = [
    'IdentitiesOnly=yes',
    `UserKnownHostsFile=${join(home, '.ssh/known_hosts')}`,
    'StrictHostKeyChecking=accept-new',
    'BatchMode=yes',
    'LogLevel=ERROR',
  ]
  return ['-F', '/dev/null', '-i', join(home, '.ssh/id_ed25519'), ...options.map((one) => `-o${one}`)]
}

/** A person with a key, but no account yet. */
export async function newPerson(platform: PlatformAddresses, name: string): Promise<Person> {
  const home = join(platform.folder, 'people', name)
  await mkdir(join(home, '.ssh'), { recursive: true, mode: 0o700 })
  const env: NodeJS.ProcessEnv = {
    PATH: cleanEnv().PATH,
    HOME: home,
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_SSH_COMMAND: ['ssh', ...sshOptions(home)].join(' '),
    ...platform.env,
  }
  const gitconfig = `[user]\n\tname = ${name}\n\temail = ${name}@example.com\n[init]\n\tdefaultBranch = master\n`
  await writeFile(join(home, '.gitconfig'), gitconfig)
  const key = ['-q', '-t', 'ed25519', '-N', '', '-C', `${name}@laptop`, '-f', join(home, '.ssh/id_ed25519')]
  mustWork(await run('ssh-keygen', key, { cwd: home, env }), 'ssh-keygen')
  const options = ({ cwd = home, env: own, input }: More): RunOptions => ({
    cwd,
    env: { ...env, ...own },
    ...(input === undefined ? {} : { input }),
  })
  const deis: Person['deis'] = (args, more = {}) =>
    run(process.execPath, [join(root, 'dist/cli/deis.js'), ...args], options(more))
  return {
    name,
    home,
    env,
    deis,
    does: async (args, more) => mustWork(await deis(args, more), `deis ${args.join(' ')}`),
    git: (args, cwd, own) => run('git', args, options({ cwd, ...(own ? { env: own } : {}) })),
    startGit: (args, cwd) => start('git', args, options({ cwd })),
    ssh: (words) => {
      const { port, hostname } = new URL(platform.git)
      return run('ssh', [...sshOptions(home), '-p', port, `git@${hostname}`, ...words], options({}))
    },
    token: async () => (JSON.parse(await readFile(join(home, '.deis/client.json'), 'utf8')) as { token: string }).token,
  }
}

/** A user with an uploaded key. */
export async function registered(platform: PlatformAddresses, name: string): Promise<Person> {
  const person = await newPerson(platform, name)
  const account = [
    '--username',
    name,
    '--password',
    password,
    '--email',
    `${name}@example.com`,
    '--token',
    registrationToken,
  ]
  await person.does(['register', platform.api, ...account])
  await person.does(['keys:add'])
  return person
}
