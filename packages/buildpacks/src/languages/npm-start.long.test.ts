// Does "npm start" without npm do what npm does, and leave to npm what it does not know?
import { chmod, mkdtemp, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { execute, type Files, openTestBuilder, path, runIn, type TestBuilder } from '../testing.ts'
import { npmStart, npmStartFolder } from './npm-start.ts'

let t: TestBuilder
beforeAll(async () => {
  t = await openTestBuilder()
})
afterAll(() => t.close())

const telling = `const { env, pid, cwd } = process
const told = Object.entries(env).filter(([name]) => /^(npm_(lifecycle|package|command)|INIT_CWD|NODE$)/.test(name)).toSorted()
console.log(JSON.stringify({ told, cwd: cwd(), args: process.argv.slice(2) }))
console.log('pid', pid)
`

const manifest = {
  name: '@shop/web',
  version: '1.2.3',
  config: { port: '80', "it's": { deep: [1, null, false] } },
  bin: { 'shop-web': 'tell.js' },
  engines: { node: '>=20' },
  scripts: {
    prestart: `printf '%s\\n' "before $npm_lifecycle_event"`,
    start: `NODE_ENV=test TOLD="a b" node tell.js 'a b' "it's" $TOLD $HOME *.json`,
    other: 'echo other $npm_lifecycle_event',
  },
}

async function built(json: object, files: Files = {}): Promise<string> {
  const { result } = await t.build({ 'package.json': JSON.stringify(json), 'tell.js': telling, ...files })
  expect(result.processes).toEqual({ web: 'npm start' })
  return t.unpack(result)
}

/** One that all tests run which do not change it. */
let shop = ''
beforeAll(async () => {
  shop = await built(manifest)
})

const withNpm = `PATH=\${PATH#*${npmStartFolder}:}; npm start`
const without = (text: string): string[] => text.split('\n').filter((line) => !line.startsWith('pid '))

test('the script gets what npm gives it, and says the same', async () => {
  const app = shop
  // Node is often found by a link.
  const folder = await mkdtemp(join(t.folder, 'link-'))
  await chmod(folder, 0o755)
  await symlink(process.execPath, join(folder, 'node'))
  const env = { PATH: `${folder}:${path}` }
  const ours = await runIn(t, app, 'npm start', env)
  expect(without(ours)).toEqual(without(await runIn(t, app, withNpm, env)))
  expect(ours).toContain('before prestart\n')
  expect(ours).toContain('"args":["a b","it\'s",')
  expect(without(await runIn(t, app, 'npm run start', env))).toEqual(without(ours))
})

test.each(['node tell.js', 'NODE_ENV=test node tell.js', ' node tell.js # of all '])(
  '%s takes the place of npm',
  async (start) => {
    const app = await built({ scripts: { start } })
    const [shell, program] = (await runIn(t, app, 'echo pid $$; exec npm start')).match(/pid \d+/g) ?? []
    expect(program).toBe(shell)
  },
)

test.each([
  ['prestart', 'exit 3', 'node tell.js', 3],
  ['start', 'true', 'node -e process.exitCode=4', 4],
])('an exit code of %s is passed on', async (_name, prestart, start, code) => {
  const app = await built({ scripts: { prestart, start } })
  await expect(runIn(t, app, 'npm start')).rejects.toMatchObject({ code })
})

test.each([
  ['another script', 'npm run other', {}, 'other other\n'],
  ['a flag', 'npm start --silent', {}, '"args":["a b"'],
  ['another folder', 'mkdir -p below && cd below && npm --prefix .. run other', {}, 'other other\n'],
  ['a shell of its own', 'npm start', { npm_config_script_shell: 'bash' }, '"args":["a b"'],
])('%s is left to npm', async (_name, command, env, said) => {
  const printed = await runIn(t, shop, `${command}; echo "$PATH" >&2`, env)
  expect(printed).toContain(said)
})

test('npm of an app that is called by its path says what is wrong', async () => {
  await expect(execute(join(shop, npmStartFolder, 'npm'), ['start'], { cwd: shop })).rejects.toMatchObject({
    code: 127,
  })
})

test('an .npmrc, which may say how scripts run, is for npm', async () => {
  const app = await built(manifest, { '.npmrc': 'script-shell=/bin/bash\n' })
  expect(await runIn(t, app, 'command -v npm')).not.toContain(npmStartFolder)
})

const deep = (levels: number): object => (levels === 0 ? {} : { a: deep(levels - 1) })

test.each([
  ['no start script', { scripts: {} }],
  ['an empty one', { scripts: { start: ' ' } }],
  ['two programs', { scripts: { start: 'node a.js && node b.js' } }],
  ['a program in the background', { scripts: { start: 'node a.js & node b.js' } }],
  ['two lines', { scripts: { start: 'node a.js\nnode b.js' } }],
  ['a pipe', { scripts: { start: 'node a.js | tee log' } }],
  ['a file for the output', { scripts: { start: 'node a.js >log' } }],
  ['the output of a command', { scripts: { start: 'node $(cat main)' } }],
  ['the same in a variable', { scripts: { start: 'A="`cat a`" node a.js' } }],
  ['a word of the shell', { scripts: { start: 'cd server; node a.js' } }],
  ['a word of the shell alone', { scripts: { start: 'exit 1' } }],
  ['variables alone', { scripts: { start: 'A=1' } }],
  ['a list', { scripts: { start: ['node', 'a.js'] } }],
  ['a script afterwards', { scripts: { start: 'node a.js', poststart: 'echo done' } }],
  ['one before that is not a text', { scripts: { start: 'node a.js', prestart: 1 } }],
  ['a script of 100 kB', { scripts: { start: `node ${'a'.repeat(100_000)}` } }],
  ['a byte that no program can be given', { scripts: { start: 'node a\0b' } }],
])('%s: npm has to do it', (_name, json) => {
  expect(npmStart(json, false)).toBeNull()
})

test('what is deep in package.json is left out', () => {
  expect(npmStart({ scripts: { start: 'x' }, config: deep(5_000) }, false)).toContain("_start='x'")
})
