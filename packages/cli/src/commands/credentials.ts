// How does git get the user name and the token for pushes over HTTPS, so that no file of a repository has them?
import { quoted } from '@deis/lib/quoted'
import { Argument, Command } from 'commander'
import { originOf } from '../parse/address.ts'
import type { Context } from '../profile/context.ts'
import { setAll } from '../profile/remotes.ts'
import { profileFile, findProfile } from '../profile/settings.ts'

/** git sends a few short lines. */
const most = 65_536

/** What git says of the address that it wants to log in to: lines `name=value`. */
function readAttributes(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split('\n').flatMap((line): [string, string][] => {
      const equals = line.indexOf('=')
      return equals < 1 ? [] : [[line.slice(0, equals), line.slice(equals + 1)]]
    }),
  )
}

async function readInput(input: AsyncIterable<unknown>): Promise<string> {
  let text = ''
  for await (const chunk of input) {
    text += String(chunk)
    if (text.length > most) return ''
  }
  return text
}

/** Whether that is where the token belongs to: the same scheme, host and port. */
function isFor(controller: string, asked: ReadonlyMap<string, string>): boolean {
  const address = `${asked.get('protocol')}://${asked.get('host')}`
  return (
    /^https?:\/\/[^/?#@\\]+$/.test(address) && URL.canParse(address) && new URL(address).origin === originOf(controller)
  )
}

/** Makes git ask this program, and no other one, which might store the token, for what a remote of the controller needs. */
export async function useHelper(context: Context): Promise<void> {
  const { controller } = await context.profile()
  const { path } = context.profileFile()
  const isUsual =
    path === profileFile(undefined, { ...context.io, env: { ...context.io.env, DEIS_PROFILE: undefined } }).path
  const helper = `!deis${isUsual ? '' : ` -c ${quoted(path)}`} git:credentials`
  // The empty one ends the list of those that are set elsewhere.
  await setAll(context.io, `credential.${originOf(controller)}.helper`, ['', helper])
}

export function credentials(context: Context): Command {
  async function answer(operation: string): Promise<void> {
    const asked = readAttributes(await readInput(context.io.stdin))
    if (operation !== 'get') return
    const profile = await findProfile(context.profileFile())
    if (profile === null || !isFor(profile.controller, asked)) return
    context.io.stdout.write(`username=${profile.username}\npassword=${profile.token}\n`)
  }
  return new Command('git:credentials')
    .description('tell git your token for pushes over HTTPS (a git credential helper)')
    .addArgument(new Argument('<operation>', 'what git asks for').choices(['get', 'store', 'erase']))
    .action(answer)
}
