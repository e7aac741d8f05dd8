// How does ssh know the git server at the first push? By the host keys that the controller names, which go where ssh itself would write
// them after its question: only for a server that is not known yet, and only where the controller has proven who it is.
import { appendFile, mkdir, readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Platform } from '@deis/types'
import { originOf } from '../parse/address.ts'
import type { Io } from '../terminal/io.ts'
import { run } from './program.ts'

const deadline = 10_000
const keyForm = /^(ssh-ed25519|ecdsa-sha2-nistp256) [A-Za-z0-9+/]{40,200}={0,2}$/
const mostKeys = 4

type Ended = { readonly code: number | null; readonly stdout: string }

/** `code` null: it is not there, or took too long. */
async function ended(io: Io, program: string, args: readonly string[]): Promise<Ended> {
  const { error, stdout } = await run(io, program, args, deadline)
  const code = error === null ? 0 : typeof error.code === 'number' ? error.code : null
  return { code, stdout }
}

/** Over HTTPS that is verified, or on this machine: whoever else answers could name keys of their own. */
export function isProven(origin: URL, sslVerify: boolean): boolean {
  return (origin.protocol === 'https:' && sslVerify) || /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(origin.hostname)
}

type Server = { readonly host: string; readonly port: string }

/** The file that ssh adds keys to. Null: the user's settings lead elsewhere, or git has another ssh. */
async function knownHosts(io: Io, { host, port }: Server): Promise<string | null> {
  if (io.env['GIT_SSH_COMMAND'] !== undefined || io.env['GIT_SSH'] !== undefined) return null
  if ((await ended(io, 'git', ['config', '--get', 'core.sshCommand'])).code !== 1) return null
  const { code, stdout } = await ended(io, 'ssh', ['-G', '-p', port, '--', host])
  const settings = new Map(stdout.split('\n').map((line) => [line.split(' ', 1)[0] ?? '', line.replace(/^\S+ ?/, '')]))
  const isPlain = settings.get('hostname') === host && settings.get('port') === port && !settings.has('hostkeyalias')
  const file = settings.get('userknownhostsfile')?.split(' ')[0] ?? ''
  return code === 0 && isPlain && file.startsWith('/') ? file : null
}

/** Whether the file has a key of it, whichever: then ssh compares, and warns when it is another one. Null: this cannot be told. */
async function isKnown(io: Io, file: string, name: string): Promise<boolean | null> {
  if ((await stat(file).catch(() => null)) === null) return false
  const { code } = await ended(io, 'ssh-keygen', ['-F', name, '-f', file])
  return code === 0 ? true : code === 1 ? false : null
}

/** Where keys were added, and for which name; null: nothing was changed. */
export async function trustHostKeys(
  io: Io,
  remote: string,
  { git_host_keys: keys = [] }: Platform,
  { controller, ssl_verify }: { readonly controller: string; readonly ssl_verify: boolean },
): Promise<{ readonly file: string; readonly name: string } | null> {
  const [url, origin] = [new URL(remote), new URL(originOf(controller))]
  // Of other hosts a controller has nothing to say.
  if (url.protocol !== 'ssh:' || url.hostname !== origin.hostname || !isProven(origin, ssl_verify)) return null
  if (keys.length === 0 || keys.length > mostKeys || !keys.every((key) => keyForm.test(key))) return null
  const server = { host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port || '22' }
  const name = server.port === '22' ? server.host : `[${server.host}]:${server.port}`
  const file = await knownHosts(io, server)
  if (file === null || (await isKnown(io, file, name)) !== false) return null
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  const before = await readFile(file, 'utf8').catch(() => '')
  const start = before === '' || before.endsWith('\n') ? '' : '\n'
  await appendFile(file, start + keys.map((key) => `${name} ${key}\n`).join(''), { mode: 0o600 })
  return { file, name }
}
