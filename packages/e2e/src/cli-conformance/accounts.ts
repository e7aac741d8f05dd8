// Do accounts, keys and permissions work as docs/contract/cli.md §2.2, §2.10, §2.14 and §2.18 say?
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Admin, Collaborators, Key, listAdmins, listKeys, listUsers, User } from '@deis/types'
import { expect } from 'vitest'
import { newPerson, password } from '../client.ts'
import { error, failed } from './says.ts'
import { actorOf, type Scenario, type World } from './world.ts'

const notAllowed = 'You do not have permission to perform this action.'

async function accounts({ platform }: World): Promise<void> {
  const { api } = platform
  const person = await newPerson(platform, 'carla')
  const { deis, json } = actorOf(person)
  const file = join(person.home, '.deis/client.json')
  const account = ['--username', 'carla', '--password', password]
  const absent = error(
    `Client configuration file not found at: ${file}`,
    'Log in with `deis login <controller>`, or create an account with `deis register <controller>`.',
  )
  await deis('logout', ['Logged out'])
  await deis(['register', api, ...account], error('No email given, and stdin is not a terminal.', 'Use --email.'))
  await deis(['register', api, ...account, '--email', 'carla'], {
    code: 1,
    stderr: ['Registration failed: Error: Enter a valid email address.'],
  })
  const registered = ['auth:register', api, ...account, '--email=carla@example.com']
  await deis([...registered, '--login=false'], ['Registered carla'])
  await deis('whoami', absent)
  await deis(registered, {
    code: 1,
    stderr: ['Registration failed: Error: A user with that username already exists.'],
  })
  const lines = ['Logged in as carla', `Client configuration written to ${file}`]
  await deis(['login', api, '--username=carla', '--password', 'wrong'], {
    ...error('Unable to log in with provided credentials.'),
  })
  await deis(['login', `${api}/`.replace('http:', 'HTTP:'), ...account], lines)
  const kept = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>
  expect(Object.keys(kept)).toEqual(['username', 'ssl_verify', 'controller', 'token', 'response_limit'])
  expect(kept).toMatchObject({ username: 'carla', ssl_verify: true, controller: `${api}/`, response_limit: 0 })
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  await deis('apps', ['=== Apps'])
  await deis(['login', api.replace('http://', ''), ...account, '--ssl-verify=false'], lines)
  expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ controller: api, ssl_verify: false })
  expect(await json('auth:whoami', null)).toEqual({ username: 'carla', controller: api })
  await deis('whoami --all', [
    'ID: 0',
    'Username: carla',
    'Email: carla@example.com',
    'First Name: ',
    'Last Name: ',
    'Last Login: {moment}',
    'Is Superuser: false',
    'Is Staff: false',
    'Is Active: true',
    'Date Joined: {moment}',
  ])
  await json('whoami --all', User)

  await deis(['passwd', '--password=wrong', '--new-password', 'another one entirely'], {
    code: 1,
    stderr: ['Password change failed: Error: Current password does not match'],
  })
  await deis('passwd --password=x', error('No new password given, and stdin is not a terminal.', 'Use --new-password.'))
  await deis(['auth:passwd', '--password', password, '--new-password', 'another one entirely'], ['Password changed.'])

  const again = 'To cancel an account, log in to it again.'
  const cancel = ['auth:cancel', '--username=carla', '--password=another one entirely']
  await deis('create --no-remote carlas-app', [
    'Creating Application... done, created carlas-app',
    'If you want to add a git remote for this app later, use `deis git:remote -a carlas-app`',
  ])
  await deis([...cancel, '--yes'], {
    ...error('carla still has applications assigned. Delete or transfer ownership'),
    stdout: [again, ...lines],
  })
  await deis('destroy -a carlas-app --confirm=carlas-app', ['Destroying carlas-app...', 'done in {seconds}s'])
  await deis(
    cancel,
    {
      stdout: [again, ...lines, `Cancel the account carla at ${api}? (y/N) `],
      stderr: ['Not confirmed; the account was not cancelled.'],
    },
    { input: 'n\n' },
  )
  await deis(cancel, [again, ...lines, `Cancel the account carla at ${api}? (y/N) `, 'Account cancelled'], {
    input: 'y\n',
  })
  await deis('whoami', absent)
}

async function unreachable({ newActor }: World): Promise<void> {
  const { deis, person } = await newActor('lost')
  const login = (url: string): string[] => ['login', url, '--username=x', '--password=x']
  const hint = 'Check that it runs and that the address is correct. `deis login <controller>` sets another address.'
  await deis(
    login('http://127.0.0.1:9'),
    error('Cannot reach the controller at http://127.0.0.1:9: connection refused', hint),
  )
  await deis(
    login('ftp://example.com'),
    error('"ftp://example.com" is not the URL of a controller: it must begin with http:// or https://.'),
  )
  await writeFile(
    join(person.home, '.deis/client.json'),
    JSON.stringify({
      username: 'x',
      ssl_verify: true,
      controller: 'http://127.0.0.1:9',
      token: 'x',
      response_limit: 0,
    }),
  )
  await deis('apps', error('Cannot reach the controller at http://127.0.0.1:9: connection refused', hint))
}

async function tokens({ root, newActor, platform }: World): Promise<void> {
  const { deis, person } = await newActor('tess')
  const old = await person.token()
  await deis('auth:regenerate', ['Token Regenerated'])
  expect(await person.token()).not.toBe(old)
  await deis('apps', ['=== Apps'])
  await deis('auth:regenerate -u root', error(notAllowed))
  await deis('auth:regenerate --all', error(notAllowed))
  await root.deis('auth:regenerate --username=tess', ['Token Regenerated'])
  await deis(
    'apps',
    error('Unauthorized: Missing or Invalid Token', `Log in again with \`deis login ${platform.api}\`.`),
  )
  await root.deis('auth:passwd --username=tess --new-password=given', ['Password changed.'])
  await deis(
    ['login', platform.api, '--username=tess', '--password=given'],
    ['Logged in as tess', `Client configuration written to ${join(person.home, '.deis/client.json')}`],
  )
  await deis('auth:cancel --username=root --yes', error(notAllowed))
  await root.deis('auth:cancel --username=tess --yes', ['Account cancelled'])
  await deis(
    'apps',
    error('Unauthorized: Missing or Invalid Token', `Log in again with \`deis login ${platform.api}\`.`),
  )
  await root.deis('whoami', [`You are root at ${platform.api}`])
}

async function keys({ newActor }: World): Promise<void> {
  const { deis, json, person } = await newActor('kim')
  const own = await readFile(join(person.home, '.ssh/id_ed25519.pub'), 'utf8')
  const [type = '', blob = ''] = own.split(' ')
  const listed = (id: string) => `${id} ${`${type} ${blob}`.slice(0, 16)}...${own.trim().slice(-10)}`
  await deis('keys', ['=== kim Keys', listed('kim@laptop')])
  await deis('keys:remove kim@laptop', ['Removing kim@laptop SSH Key... done'])
  await deis('keys:list', ['=== kim Keys'])
  await deis('keys:add', {
    stdout: ['Uploading id_ed25519.pub to deis... done'],
    stderr: ['Using the only key in ~/.ssh: id_ed25519.pub kim@laptop'],
  })
  await deis('keys', ['=== kim Keys', listed('kim@laptop')])
  await deis('keys:remove kim@laptop', ['Removing kim@laptop SSH Key... done'])
  // By path, by name and path, and by name alone.
  await deis('keys:add .ssh/id_ed25519.pub', ['Uploading id_ed25519.pub to deis... done'])
  await deis('keys:remove kim@laptop', ['Removing kim@laptop SSH Key... done'])
  await deis('keys:add kims-desk .ssh/id_ed25519.pub', ['Uploading id_ed25519.pub to deis... done'])
  await deis('keys', ['=== kim Keys', listed('kims-desk')])
  await deis(
    'keys:add twice .ssh/id_ed25519.pub',
    failed('Uploading id_ed25519.pub to deis...', 'Public Key is already in use'),
  )
  await json('keys', listKeys.response)
  await deis('keys:remove kims-desk', ['Removing kims-desk SSH Key... done'])
  await json('keys:add kims-name', Key, {
    stderr: ['Using the only key in ~/.ssh: id_ed25519.pub kim@laptop', 'Uploading id_ed25519.pub to deis... done'],
  })
  await deis('keys', ['=== kim Keys', listed('kims-name')])
  await deis('keys:remove gone', failed('Removing gone SSH Key...', '"No Key matches the given query."'))
  await deis('keys:add nowhere/id.pub', error('open nowhere/id.pub: no such file or directory'))
  await writeFile(join(person.home, 'secret.pub'), 'not a key\n')
  await deis(
    'keys:add secret.pub',
    error('"secret.pub" is not an SSH public key.', 'Public keys are in files that end in .pub.'),
  )
}

async function permissions({ newActor, name }: World): Promise<void> {
  const [owner, friend] = [await newActor('olga'), await newActor('fred')]
  const app = name('shared')
  await owner.deis(`create --no-remote ${app}`, [
    `Creating Application... done, created ${app}`,
    `If you want to add a git remote for this app later, use \`deis git:remote -a ${app}\``,
  ])
  await friend.deis(`info -a ${app}`, error(notAllowed))
  await owner.deis(`perms -a ${app}`, [`=== ${app}'s Users`])
  await friend.deis(`perms:create fred -a ${app}`, failed(`Adding fred to ${app} collaborators...`, notAllowed))
  await owner.deis(`perms:create fred -a ${app}`, [`Adding fred to ${app} collaborators... done`])
  await owner.deis(`sharing -a ${app}`, [`=== ${app}'s Users`, 'fred'])
  expect(await friend.json(`sharing:list -a ${app}`, Collaborators)).toEqual({ users: ['fred'] })
  await friend.deis('apps', ['=== Apps', app])
  await friend.deis(`config:set -a ${app} BY=fred`, [
    'Creating config... done',
    '',
    `=== ${app} Config`,
    'BY      fred',
  ])
  await friend.deis(`destroy -a ${app} --confirm ${app}`, {
    ...error(notAllowed),
    stdout: [`Destroying ${app}...`],
  })
  await friend.deis(`apps:transfer fred -a ${app}`, failed(`Transferring ${app} to fred...`, notAllowed))
  await owner.deis(`sharing:remove fred -a ${app}`, [`Removing fred from ${app} collaborators... done`])
  await friend.deis('apps', ['=== Apps'])
  await owner.deis(`sharing:add nobody -a ${app}`, {
    ...failed(`Adding nobody to ${app} collaborators...`, '"No User matches the given query."'),
  })
  await owner.deis(
    `perms:list -a ${app} --limit=1`,
    error(
      '--limit needs --admin: the users of an app are always listed in full.',
      'Run it without --limit, or with --admin.',
    ),
  )
  await owner.deis(`apps:transfer -a ${app} fred`, [`Transferring ${app} to fred... done`])
  await owner.deis(`info -a ${app}`, error(notAllowed))
  await friend.deis(`destroy -a ${app} --confirm=${app}`, [`Destroying ${app}...`, 'done in {seconds}s'])
}

async function administrators({ root, newActor }: World): Promise<void> {
  const { deis } = await newActor('adam')
  await deis('users', error(notAllowed))
  await deis('perms:list --admin', error(notAllowed))
  await deis('perms:create adam --admin', failed('Adding adam to system administrators...', notAllowed))
  await root.deis('perms:create adam --admin', ['Adding adam to system administrators... done'])
  await deis('perms --admin', ['=== Administrators', 'adam', 'root'])
  await deis('perms:list --admin --limit=1', ['=== Administrators (1 of 2)', 'adam'])
  const admins = await root.json<{ results: Admin[] }>('perms --admin', listAdmins.response)
  expect(admins).toMatchObject({ count: 2, results: [{ username: 'adam' }, { username: 'root' }] })
  const { results } = await root.json<{ results: User[] }>('users', listUsers.response)
  const all = results.map(({ username, is_superuser: isAdmin }) => `${isAdmin ? '*' : ''}${username}`)
  expect(all).toEqual(expect.arrayContaining(['*adam', '*root']))
  const { stdout } = await deis('users:list --limit=1', [`=== Users (*=admin) (1 of {number})`, '*adam'])
  expect(stdout).not.toContain('root')
  await root.deis('perms:delete adam --admin', ['Removing adam from system administrators... done'])
  await deis('users', error(notAllowed))
  await root.deis(
    'perms:delete root --admin',
    failed(
      'Removing root from system administrators...',
      '"root" is the last admin. Make another user an admin first, with deis perms:create --admin.',
    ),
  )
}

export const scenarios: readonly Scenario[] = [
  { name: 'accounts', run: accounts },
  { name: 'controllers that are not there', run: unreachable },
  { name: 'tokens, and what admins do with other accounts', run: tokens },
  { name: 'SSH keys', run: keys },
  { name: 'sharing an app and handing it over', run: permissions },
  { name: 'administrators and users', run: administrators },
]
