// Which commands are served over SSH, and is every other one refused by name?
import { expect, test } from 'vitest'
import { errorPacket } from '../push/packets.ts'
import { parseCommand, quoted } from './command.ts'

test.each([
  ["git-receive-pack '/app.git'", 'git-receive-pack', 'app'],
  ["git-receive-pack 'app.git'", 'git-receive-pack', 'app'],
  ["git-receive-pack 'app'", 'git-receive-pack', 'app'],
  ["git receive-pack '/my-app2.git'", 'git-receive-pack', 'my-app2'],
  ["git-upload-pack '/a.git'", 'git-upload-pack', 'a'],
  ['git upload-pack "app.git"', 'git-upload-pack', 'app'],
  ['git-upload-pack app.git', 'git-upload-pack', 'app'],
  [`git-upload-pack '${'a'.repeat(63)}.git'`, 'git-upload-pack', 'a'.repeat(63)],
])('%s is served', (command, service, app) => {
  expect(parseCommand(command)).toEqual({ kind: 'git', service, app })
})

test('ping', () => {
  expect(parseCommand('ping')).toEqual({ kind: 'ping' })
})

test.each([
  ['git-receive-pack', 'No repo given'],
  ["git-receive-pack ''", 'No repo given'],
  ["git-upload-pack '../x'", `"../x" is not an app's repository: expected <app>.git`],
  ["git-upload-pack 'a/b'", `"a/b" is not an app's repository: expected <app>.git`],
  ["git-upload-pack '/app/../other.git'", `"/app/../other.git" is not an app's repository: expected <app>.git`],
  ['git-receive-pack ;', `";" is not an app's repository: expected <app>.git`],
  ["git-receive-pack 'app'; id", `"'app'; id" is not an app's repository: expected <app>.git`],
  ['git-receive-pack `id`', '"`id`" is not an app\'s repository: expected <app>.git'],
  ['git-receive-pack $(id)', `"$(id)" is not an app's repository: expected <app>.git`],
  ["git-receive-pack ''app''", `"'app'" is not an app's repository: expected <app>.git`],
  ['git-receive-pack --upload-pack=x', `"--upload-pack=x" is not an app's repository: expected <app>.git`],
  ["git-upload-pack '--strict' 'app'", `"--strict' 'app" is not an app's repository: expected <app>.git`],
  ["git-receive-pack 'App.git'", `"App.git" is not an app's repository: expected <app>.git`],
  ["git-receive-pack 'app-.git'", `"app-.git" is not an app's repository: expected <app>.git`],
  ["git-receive-pack 'app.git.git'", `"app.git.git" is not an app's repository: expected <app>.git`],
  ["git-receive-pack '//app.git'", `"//app.git" is not an app's repository: expected <app>.git`],
  ["git-receive-pack 'app\0.git'", String.raw`"app\u0000.git" is not an app's repository: expected <app>.git`],
  ["git-receive-pack 'app\n'", String.raw`"app\n" is not an app's repository: expected <app>.git`],
  ["git-receive-pack 'äpp\u202e'", String.raw`"\u00e4pp\u202e" is not an app's repository: expected <app>.git`],
  [`git-receive-pack '${'a'.repeat(64)}'`, `"${'a'.repeat(60)}…" is not an app's repository: expected <app>.git`],
  [
    `git-receive-pack '${'a'.repeat(1_000_000)}'`,
    `"${'a'.repeat(60)}…" is not an app's repository: expected <app>.git`,
  ],
  ['', '"" is not allowed: only git push and git fetch are served here.'],
  ['id', '"id" is not allowed: only git push and git fetch are served here.'],
  ['ping ', '"ping " is not allowed: only git push and git fetch are served here.'],
  [
    "git-upload-archive '/app.git'",
    `"git-upload-archive '/app.git'" is not allowed: only git push and git fetch are served here.`,
  ],
  ['git-receive-packx app', '"git-receive-packx app" is not allowed: only git push and git fetch are served here.'],
])('%j is refused by name', (command, text) => {
  expect(parseCommand(command)).toEqual({ kind: 'refused', text })
})

test('what is quoted is harmless on a terminal', () => {
  expect(quoted('\u001b]0;x\u0007\u009b2J')).toBe(String.raw`"\u001b]0;x\u0007\u009b2J"`)
})

test('a refusal is one packet line', () => {
  expect(errorPacket('Another git push is ongoing').toString()).toBe('0024ERR Another git push is ongoing\n')
  expect(errorPacket('ä').toString()).toBe('000bERR ä\n')
})
