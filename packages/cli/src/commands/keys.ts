// Which SSH keys may push?
import { basename, join, resolve } from 'node:path'
import { readdir, stat } from 'node:fs/promises'
import { Command } from 'commander'
import { addKey, DeisError, listKeys, removeKey } from '@deis/types'
import type { Context } from '../profile/context.ts'
import { readText } from '../profile/files.ts'
import type { Io } from '../terminal/io.ts'
import { limitOf, limitOption, type LimitOption } from '../parse/options.ts'
import { countSuffix, note, step } from '../terminal/output.ts'

type PublicKey = { readonly file: string; readonly text: string; readonly comment: string }

/** Null when it is not a public key: private keys and other files must never be sent. */
export function parseKey(content: string, file: string): PublicKey | null {
  const text = content.trim()
  const match = /^(?:ssh-rsa|ssh-dss|ssh-ed25519|ecdsa-[^ ]+) [A-Za-z0-9+/]+=*(?: (.*))?$/.exec(text)
  return match && { file, text, comment: match[1]?.trim() ?? '' }
}

async function readKey(io: Io, path: string): Promise<PublicKey> {
  const key = parseKey(await readText(resolve(io.cwd, path), path), basename(path))
  if (key) return key
  throw new DeisError('usage', `"${path}" is not an SSH public key.`, {
    hint: 'Public keys are in files that end in .pub.',
  })
}

/** The public keys in ~/.ssh; names the files that are not public keys. */
async function ownKeys(io: Io): Promise<PublicKey[]> {
  const folder = join(io.env['HOME'] ?? '', '.ssh')
  // Without the folder there are no keys.
  const names = await readdir(folder).catch((): string[] => [])
  const keys: PublicKey[] = []
  for (const name of names.filter((name) => name.endsWith('.pub')).toSorted()) {
    const key = parseKey(await readText(join(folder, name)).catch(() => ''), name)
    if (key) keys.push(key)
    else note(io, `"${join(folder, name)}" is not an SSH public key, skipped.`)
  }
  return keys
}

const label = ({ file, comment }: PublicKey): string => (comment ? `${file} ${comment}` : file)

async function chooseKey(io: Io): Promise<PublicKey> {
  const keys = await ownKeys(io)
  const [first] = keys
  if (!first)
    throw new DeisError('usage', 'No SSH public key found in ~/.ssh.', {
      hint: 'Create one with `ssh-keygen -t ed25519`, or give its path: `deis keys:add <path>`.',
    })
  if (keys.length === 1) {
    note(io, `Using the only key in ~/.ssh: ${label(first)}`)
    return first
  }
  if (!io.isTty.stdin)
    throw new DeisError('usage', `Several keys found in ~/.ssh:\n${keys.map((key) => `  ${label(key)}`).join('\n')}`, {
      hint: 'Choose one by its path: `deis keys:add <path>`.',
    })
  const chosen = await io.prompt.choose('Which SSH key do you want to add?', keys.map(label))
  return keys.find((key) => label(key) === chosen) ?? first
}

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  )

export function keys(context: Context): Command[] {
  const { io } = context

  async function list(options: LimitOption): Promise<void> {
    const page = await context.call(listKeys, { query: { limit: await limitOf(context, options) } })
    const heading = `=== ${(await context.profile()).username} Keys${countSuffix(page)}`
    const width = Math.max(0, ...page.results.map(({ id }) => id.length)) + 1
    const rows = page.results.map(
      (key) => `${key.id.padEnd(width)}${key.public.slice(0, 16)}...${key.public.trim().slice(-10)}`,
    )
    context.answer(page, [heading, ...rows])
  }

  /** One word is a path if there is such a file or it looks like one; otherwise it is a name (docs/contract/cli.md §2.10). */
  async function add(first: string | undefined, path: string | undefined): Promise<void> {
    await context.profile()
    const isPath =
      first !== undefined &&
      path === undefined &&
      (/[/\\]|\.pub$/.test(first) || (await isFile(resolve(io.cwd, first))))
    const from = isPath ? first : path
    const key = from === undefined ? await chooseKey(io) : await readKey(io, from)
    const id = (isPath ? undefined : first) ?? (key.comment || (key.file.split('.')[0] ?? key.file))
    const body = { id, public: key.text }
    context.answer(await step(io, `Uploading ${key.file} to deis...`, () => context.call(addKey, { body })))
  }

  async function remove(ids: string[]): Promise<void> {
    for (const id of ids) await step(io, `Removing ${id} SSH Key...`, () => context.call(removeKey, { params: { id } }))
  }

  return [
    new Command('keys:list').description('list your SSH keys').addOption(limitOption()).action(list),
    new Command('keys:add')
      .description('add an SSH key to your account')
      .argument('[name]', 'name of the key; by default its comment')
      .argument('[key]', 'path of a public key; by default one of ~/.ssh')
      .action(add),
    new Command('keys:remove')
      .description('remove SSH keys')
      .argument('<id...>', 'names from `deis keys:list`')
      .action(remove),
  ]
}
