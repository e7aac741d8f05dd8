// How is an account created, used, changed and cancelled?
import { Command } from 'commander'
import { cancelAccount, DeisError, regenerateTokens, register, setPassword, whoami } from '@deis/types'
import { ask, askHidden, readLine } from '../terminal/ask.ts'
import { call } from '../http/client.ts'
import type { Context } from '../profile/context.ts'
import { unlessFalse } from '../parse/options.ts'
import { note, print } from '../terminal/output.ts'
import { logInByBrowser } from '../profile/browser-login.ts'
import { connect, credentials, keepLogin, logIn, newPassword, tokenFor } from '../profile/login.ts'
import { removeProfile, saveProfile } from '../profile/settings.ts'

type LoginOptions = { username?: string; password?: string; sslVerify: boolean }

export function auth(context: Context): Command[] {
  const { io } = context

  type SignUpOptions = LoginOptions & { email?: string; login: boolean; token?: string }

  async function signUp(controller: string, options: SignUpOptions): Promise<void> {
    const connection = await connect(context, controller, options.sslVerify)
    const username = options.username ?? (await ask(io, 'username: ', '--username'))
    const password = options.password ?? (await newPassword(context, 'password', '--password'))
    const email = options.email ?? (await ask(io, 'email: ', '--email'))
    const token = await tokenFor(context, connection.controller)
    const account = { username, password, email }
    const send = (registration = options.token) =>
      call(context.wire, { ...connection, token }, register, { body: { ...account, token: registration } })
    const failed = (error: unknown): never => {
      io.stderr.write('Registration failed: ')
      throw error
    }
    const user = await send().catch(async (error: unknown) => {
      // Its text differs between versions of the controller; a complaint about a token that was not sent says the same in all.
      const isNeeded = error instanceof DeisError && error.fields?.['token'] !== undefined
      if (!isNeeded || options.token !== undefined || !io.isTty.stdin) return failed(error)
      note(io, error.message)
      return send(await askHidden(io, 'registration token: ', '--token')).catch(failed)
    })
    print(io, `Registered ${username}`)
    if (options.login) await logIn(context, connection, { username, password })
    context.answer(user)
  }

  async function signIn(controller: string, options: LoginOptions & { browser?: boolean }): Promise<void> {
    const isGiven = options.username !== undefined || options.password !== undefined
    if (options.browser && isGiven)
      throw new DeisError('usage', '--browser cannot be combined with --username or --password.')
    const connection = await connect(context, controller, options.sslVerify)
    const { username, controller: url } = options.browser
      ? await keepLogin(context, connection, await logInByBrowser(context, connection))
      : await logIn(context, connection, await credentials(context, options))
    context.answer({ username, controller: url })
  }

  async function signOut(): Promise<void> {
    await removeProfile(context.profileFile())
    print(io, 'Logged out')
  }

  async function passwd(options: { username?: string; password?: string; newPassword?: string }): Promise<void> {
    const { username } = options
    await context.profile()
    const password =
      options.password ?? (username === undefined ? await askHidden(io, 'current password: ', '--password') : undefined)
    const fresh = options.newPassword ?? (await newPassword(context, 'new password', '--new-password'))
    try {
      await context.call(setPassword, { body: { username, password, new_password: fresh } })
    } catch (error) {
      io.stderr.write('Password change failed: ')
      throw error
    }
    print(io, 'Password changed.')
  }

  async function who({ all }: { all?: boolean }): Promise<void> {
    const { username, controller } = await context.profile()
    if (!all) return context.answer({ username, controller }, [`You are ${username} at ${controller}`])
    const user = await context.call(whoami)
    const rows = [
      ['ID', user.id ?? 0],
      ['Username', user.username],
      ['Email', user.email],
      ['First Name', user.first_name],
      ['Last Name', user.last_name],
      ['Last Login', user.last_login ?? ''],
      ['Is Superuser', user.is_superuser],
      ['Is Staff', user.is_staff],
      ['Is Active', user.is_active],
      ['Date Joined', user.date_joined],
    ] as const
    context.answer(
      user,
      rows.map(([label, value]) => `${label}: ${value}`),
    )
  }

  async function confirms(question: string): Promise<boolean> {
    if (io.isTty.stdin) return io.prompt.confirm(question)
    io.stdout.write(`${question} (y/N) `)
    const answer = await readLine(io)
    print(io)
    if (answer !== null) return answer.toLowerCase() === 'y'
    throw new DeisError('usage', 'Not confirmed; the account was not cancelled.', { hint: 'Use --yes.' })
  }

  async function cancel(options: { username?: string; password?: string; yes?: boolean }): Promise<void> {
    let profile = await context.profile()
    // An admin who names another user does not need that user's password.
    if (options.username === undefined || options.password !== undefined) {
      print(io, 'To cancel an account, log in to it again.')
      const connection = { controller: profile.controller, sslVerify: profile.ssl_verify }
      profile = await logIn(context, connection, await credentials(context, options))
    }
    const { controller, ssl_verify: sslVerify, token } = profile
    const target = options.username ?? profile.username
    if (!options.yes && !(await confirms(`Cancel the account ${target} at ${controller}?`)))
      return note(io, 'Not confirmed; the account was not cancelled.')
    const body = options.username === undefined ? {} : { body: { username: options.username } }
    await call(context.wire, { controller, sslVerify, token }, cancelAccount, body)
    if (target === profile.username) await removeProfile(context.profileFile())
    print(io, 'Account cancelled')
  }

  async function regenerate({ username, all }: { username?: string; all?: boolean }): Promise<void> {
    const profile = await context.profile()
    const isOwn = username === undefined && !all
    const answer = await context.call(regenerateTokens, isOwn ? {} : { body: all ? { all: true } : { username } })
    if (isOwn) {
      if (answer === '')
        throw new DeisError('internal', 'The controller sent no new token.', {
          hint: 'Log in again with `deis login <controller>`.',
        })
      await saveProfile(context.profileFile(), { ...profile, token: answer.token })
    }
    print(io, 'Token Regenerated')
  }

  const account = (command: Command): Command =>
    command
      .argument('<controller>', 'URL of the controller, such as http://deis.example.com')
      .option('--username <name>', 'name of the account')
      .option('--password <password>', 'password of the account')
      .option('--ssl-verify <bool>', 'whether to verify certificates; stored in the profile', unlessFalse, true)

  return [
    account(new Command('auth:register').description('create an account'))
      .option('--email <address>', 'email address of the account')
      .option('--login <bool>', 'whether to log in afterwards', unlessFalse, true)
      .option('--token <token>', 'registration token of the platform, needed for its first account')
      .action(signUp),
    account(new Command('auth:login').description('log in to a controller'))
      .option('--browser', 'log in on a page in a browser, here or on another machine')
      .action(signIn),
    new Command('auth:logout').description('log out, and delete the stored token').action(signOut),
    new Command('auth:passwd')
      .description('change your password')
      .option('--password <password>', 'current password')
      .option('--new-password <password>', 'new password')
      .option('--username <name>', 'name of another user; admins only')
      .action(passwd),
    new Command('auth:whoami')
      .description('show who is logged in')
      .option('--all', 'show all details of the account')
      .action(who),
    new Command('auth:cancel')
      .description('cancel an account')
      .option('--username <name>', 'name of another user; admins only')
      .option('--password <password>', 'password of the account')
      .option('--yes', 'do not ask for confirmation')
      .action(cancel),
    new Command('auth:regenerate')
      .description('replace your token')
      .option('-u, --username <name>', 'name of another user, whose token to replace; admins only')
      .option('--all', 'replace the tokens of all users; admins only')
      .action(regenerate),
  ]
}
