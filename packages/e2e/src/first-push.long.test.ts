// Does the first push work without a terminal, with an ssh that trusts only what it knows, and does ssh warn when the server is another one?
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Checkout, newCheckout } from './app.ts'
import type { Person } from './client.ts'
import { type WithUser, withUser } from './with-app.ts'

let ann: Person
let tea: Checkout
let env: NodeJS.ProcessEnv
withUser(async (given: WithUser) => {
  ann = given.ann
  tea = await newCheckout(ann, 'tea', 'plain')
  const ssh = join(ann.home, '.ssh')
  const bin = join(ann.home, 'bin')
  const options = [
    `UserKnownHostsFile=${join(ssh, 'known_hosts')}`,
    'StrictHostKeyChecking=yes',
    'BatchMode=yes',
    'IdentitiesOnly=yes',
  ]
  // ssh itself takes the home of the user who runs this.
  const words = ['-F', '/dev/null', '-i', join(ssh, 'id_ed25519'), ...options.map((option) => `-o${option}`)]
  await mkdir(bin)
  await writeFile(join(bin, 'ssh'), `#!/bin/sh\nPATH=\${PATH#*:} exec ssh ${words.join(' ')} "$@"\n`)
  await chmod(join(bin, 'ssh'), 0o755)
  env = { PATH: `${bin}:${ann.env.PATH}`, GIT_SSH_COMMAND: undefined }
})

test('ssh knows the server from the controller', async () => {
  const created = await ann.deis(['create', 'tea'], { cwd: tea.folder, env })
  expect([created.code, created.stderr]).toEqual([
    0,
    expect.stringMatching(/^The host keys of \[\S+\]:\d+ were added to /),
  ])
  const pushed = await ann.git(['push', 'deis', 'master'], tea.folder, env)
  expect([pushed.code, pushed.stderr]).toEqual([0, expect.stringContaining('Done, tea:v2 deployed')])

  const file = join(ann.home, '.ssh', 'known_hosts')
  const lines = await readFile(file, 'utf8')
  const other = 'AAAAC3NzaC1lZDI1NTE5AAAAIG90aGVyb3RoZXJvdGhlcm90aGVyb3RoZXJvdGhlcjE2'
  const changed = lines.replace(/ssh-ed25519 \S+/, `ssh-ed25519 ${other}`).replace(/^.*ecdsa.*\n/m, '')
  await writeFile(file, changed)
  const again = await ann.deis(['git:remote', '-a', 'tea'], { cwd: tea.folder, env })
  expect([again.code, again.stderr]).toEqual([0, ''])
  const refused = await ann.git(['push', 'deis', 'master'], tea.folder, env)
  expect([refused.code, refused.stderr]).toEqual([
    128,
    expect.stringContaining('REMOTE HOST IDENTIFICATION HAS CHANGED'),
  ])
  expect(await readFile(file, 'utf8')).toBe(changed)
})
