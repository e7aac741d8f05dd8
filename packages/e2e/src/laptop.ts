// How does a person on another machine use a server, with nothing that this machine has of the platform?
import { spawnSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Result, run } from './child.ts'
import { mustWork } from './client.ts'
import { cleanEnv } from './platform.ts'

/** It gets the client with that. */
export const hasCurl: boolean = spawnSync('curl', ['--version']).error === undefined

type More = { readonly cwd?: string }

export type Laptop = {
  readonly home: string
  /** A program with the names, the home and the roots of this laptop. */
  run(argv: readonly string[], more?: More): Promise<Result>
  ok(argv: readonly string[], more?: More): Promise<string>
  /** Trusts this CA, and no other, from now on. */
  trust(root: string): Promise<void>
}

/** It knows `names`, which lead to `address`, by a file of its own in place of /etc/hosts. */
export async function openLaptop(folder: string, address: string, names: readonly string[]): Promise<Laptop> {
  const home = join(folder, 'laptop')
  const [hosts, roots] = [join(folder, 'hosts'), join(folder, 'roots.pem')]
  await mkdir(join(home, '.ssh'), { recursive: true, mode: 0o700 })
  await writeFile(hosts, `127.0.0.1 localhost\n${address} ${names.join(' ')}\n`)
  const key = join(home, '.ssh/id_ed25519')
  const ssh = ['IdentitiesOnly=yes', `UserKnownHostsFile=${key}.hosts`, 'StrictHostKeyChecking=accept-new']
  const { PATH = '' } = cleanEnv()
  const env = {
    PATH: `${join(home, '.local/bin')}:${PATH}`,
    HOME: home,
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_SSH_COMMAND: ['ssh', '-F', '/dev/null', '-i', key, ...ssh.map((one) => `-o${one}`)].join(' '),
    CURL_CA_BUNDLE: roots,
    NODE_EXTRA_CA_CERTS: roots,
    GIT_SSL_CAINFO: roots,
  }
  const inside = ['--mount', '--', 'sh', '-c', 'mount --bind -- "$0" /etc/hosts && exec "$@"', hosts]
  const laptop: Laptop = {
    home,
    run: (argv, { cwd = home } = {}) => run('unshare', [...inside, ...argv], { cwd, env, seconds: 300 }),
    ok: async (argv, more) => mustWork(await laptop.run(argv, more), argv.join(' ')),
    trust: (root) => writeFile(roots, root),
  }
  const user = '[user]\n\tname = ann\n\temail = ann@example.com\n[init]\n\tdefaultBranch = main\n'
  await writeFile(join(home, '.gitconfig'), user)
  await laptop.ok(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'ann@laptop', '-f', key])
  return laptop
}
