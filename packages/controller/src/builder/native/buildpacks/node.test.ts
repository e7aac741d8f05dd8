// Do Node.js apps build with npm, and run after their files have moved?
import { readdir } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Files, openTestBuilder, read, runIn, type TestBuilder } from '../testing.ts'
import { choosePackageManager, type PackageJson } from './package-manager.ts'

let t: TestBuilder
beforeAll(async () => {
  t = await openTestBuilder()
})
afterAll(() => t.close())

const json = (value: object): string => `${JSON.stringify(value)}\n`
const program = (text: string): string => `#!/usr/bin/env node\n${text}\n`

const dependencies = { dependencies: { greet: 'file:greet' }, devDependencies: { maker: 'file:maker' } }
const greet = { name: 'greet', version: '1.0.0', bin: { greet: 'cli.js' } }
const maker = { name: 'maker', version: '1.0.0', bin: { maker: 'cli.js' } }
const packages: Files = {
  'greet/package.json': json(greet),
  'greet/cli.js': program(`console.log('hello from', require.resolve('greet').includes('/greet/'))`),
  'greet/index.js': '',
  'maker/package.json': json(maker),
  'maker/cli.js': program(
    `require('fs').writeFileSync('made', process.env.NODE_ENV + ' ' + process.env.VITE_TITLE + ' ' + process.env.SECRET)`,
  ),
}
const lock = json({
  name: 'app',
  lockfileVersion: 3,
  requires: true,
  packages: {
    '': { name: 'app', ...dependencies },
    greet: { version: '1.0.0', bin: greet.bin },
    maker: { version: '1.0.0', dev: true, bin: maker.bin },
    'node_modules/greet': { resolved: 'greet', link: true },
    'node_modules/maker': { resolved: 'maker', link: true },
  },
})

test('npm ci, build script with its tools, prune, start after a move', async () => {
  const { result, lines } = await t.build(
    {
      ...packages,
      'package.json': json({ name: 'app', ...dependencies, scripts: { start: 'greet', build: 'maker' } }),
      'package-lock.json': lock,
      'requirements.txt': '',
    },
    { config: { VITE_TITLE: 'Title', SECRET: 'hidden' } },
  )
  const titles = lines.filter((line) => line.startsWith('--'))
  expect(titles).toEqual([
    '-----> Restoring cache...',
    '-----> Node.js app detected',
    '-----> Installing dependencies with npm (package-lock.json)',
    '-----> Running build',
    '-----> Removing what was only needed to build',
    '-----> Discovering process types',
    '-----> Checking for changes inside the cache directory...',
    expect.stringMatching(/^-----> Compiled slug size is /),
  ])
  expect(lines).toContain('       It looks like Python too: set BUILDPACK_URL or add .buildpacks to choose.')
  expect(lines).toContain('       Default process types for Node.js -> web')
  expect(result.processes).toEqual({ web: 'npm start' })
  const app = await t.unpack(result)
  expect(await read(app, 'made')).toBe('production Title undefined')
  expect(await readdir(`${app}/node_modules`)).not.toContain('maker')
  expect(await runIn(t, app, 'npm start --silent')).toBe('hello from true\n')
  expect(await runIn(t, app, 'greet; echo $NODE_ENV')).toBe('hello from true\nproduction\n')
})

test('npm install without a lock file; heroku-postbuild replaces build; another Node.js is warned of', async () => {
  const { result, output } = await t.build({
    ...packages,
    'package.json': json({
      name: 'app',
      engines: { node: '>=99' },
      dependencies: { greet: 'file:greet' },
      scripts: { 'heroku-prebuild': 'echo first', 'heroku-postbuild': 'greet && echo last', build: 'exit 1' },
    }),
    'server.js': 'console.log(process.env.NODE_ENV)',
  })
  expect(output).toContain(
    ` !     package.json wants Node.js >=99, this platform has ${process.version}: it may not work.\n`,
  )
  expect(output).toMatch(
    /-----> Running heroku-prebuild[^]*first\n-----> Installing dependencies with npm\n[^]*-----> Running heroku-postbuild[^]*last\n/,
  )
  expect(result.processes).toEqual({ web: 'node server.js' })
  expect(await runIn(t, await t.unpack(result), 'node server.js')).toBe('production\n')
})

test('an app without dependencies installs nothing and is quick', async () => {
  const { lines, result } = await t.build({ 'package.json': json({ scripts: { start: 'node x' } }), x: '' })
  expect(lines.slice(2, 5)).toEqual([
    '-----> Node.js app detected',
    `       Node.js ${process.version.slice(1)}`,
    '-----> Discovering process types',
  ])
  expect(result.processes).toEqual({ web: 'npm start' })
})

test('pages that a build script made are served', async () => {
  const script = `const fs = require('fs'); fs.mkdirSync('dist'); fs.writeFileSync('dist/index.html', 'made')`
  const { result } = await t.build({ 'package.json': json({ scripts: { build: 'node make' } }), 'make.js': script })
  expect(result.processes).toEqual({ web: 'node .deis/static.mjs' })
  expect(await read(await t.unpack(result), '.deis/static.json')).toContain('"root":"dist"')
})

test.each<[string, Files, string]>([
  ['what is no JSON', { 'package.json': '{' }, 'package.json cannot be used: '],
  ['what is no object', { 'package.json': '[]' }, 'package.json cannot be used: it is no object.'],
  [
    'a failing script',
    { 'package.json': json({ scripts: { build: 'exit 5' } }) },
    'npm run build exited with code 5, stopping build.',
  ],
  [
    'a lock file that does not fit',
    {
      'package.json': json({ dependencies: { a: 'file:a' } }),
      'package-lock.json': lock,
      'a/package.json': json({ name: 'a', version: '1.0.0' }),
    },
    'npm ci exited with code 1, stopping build.',
  ],
])('refuses %s', async (_name, files, message) => {
  await expect(t.build(files)).rejects.toThrow(message)
})

const manager = (names: Files, json: PackageJson = {}): ReturnType<typeof choosePackageManager> =>
  choosePackageManager(
    { has: async (name) => name in names, read: async (name) => (names[name] as string | undefined) ?? null },
    json,
  )

test.each<[string, Files, PackageJson, object]>([
  ['nothing', {}, {}, { name: 'npm', lockFile: null, install: ['install', '--include=dev'] }],
  ['npm lock', { 'package-lock.json': '' }, {}, { name: 'npm', install: ['ci', '--include=dev', '--prefer-offline'] }],
  ['shrinkwrap', { 'npm-shrinkwrap.json': '' }, {}, { name: 'npm', lockFile: 'npm-shrinkwrap.json' }],
  [
    'pnpm 9 lock',
    { 'pnpm-lock.yaml': "lockfileVersion: '9.0'\n" },
    {},
    { name: 'pnpm', source: 'pnpm@10', version: null },
  ],
  ['pnpm 6 lock', { 'pnpm-lock.yaml': "lockfileVersion: '6.0'\n" }, {}, { source: 'pnpm@8' }],
  ['pnpm 5 lock', { 'pnpm-lock.yaml': 'lockfileVersion: 5.4\n' }, {}, { source: 'pnpm@7' }],
  [
    'pnpm pinned',
    { 'pnpm-lock.yaml': '' },
    { packageManager: 'pnpm@9.1.2+sha512.abc' },
    { source: 'pnpm@9.1.2', version: '9.1.2' },
  ],
  [
    'pnpm without lock',
    {},
    { packageManager: 'pnpm@9.1.2' },
    { name: 'pnpm', install: ['install', '--no-frozen-lockfile', '--prod=false'] },
  ],
  ['yarn 1', { 'yarn.lock': '# yarn lockfile v1\n' }, {}, { name: 'yarn', source: 'yarn@1' }],
  [
    'yarn 4',
    { 'yarn.lock': '__metadata:\n' },
    {},
    { source: '@yarnpkg/cli-dist@4', prune: null, install: ['install', '--immutable'] },
  ],
  ['yarn pinned', { 'yarn.lock': '' }, { packageManager: 'yarn@4.5.0' }, { source: '@yarnpkg/cli-dist@4.5.0' }],
  ['two locks', { 'yarn.lock': '', 'package-lock.json': '' }, {}, { name: 'yarn' }],
  [
    'two locks and a pin',
    { 'yarn.lock': '', 'package-lock.json': '' },
    { packageManager: 'npm@10.0.0' },
    { name: 'npm', lockFile: 'package-lock.json' },
  ],
  ['a pin of something else', {}, { packageManager: 'bun@1.0.0; evil' }, { name: 'npm' }],
])('package manager: %s', async (_name, files, json, expected) => {
  expect(await manager(files, json)).toMatchObject(expected)
})
