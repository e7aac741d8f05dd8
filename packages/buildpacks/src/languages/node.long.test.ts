// Do Node.js apps build with npm, and run after their files have moved?
import { spawnSync } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Files, openTestBuilder, path, read, runIn, type TestBuilder, writeFiles } from '../testing.ts'
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
    `require('fs').writeFileSync('made', process.env.NODE_ENV + ' ' + process.env.VITE_TITLE + ' ' + process.env.SECRET + ' ' + process.env.PORT)`,
  ),
}
const lockOf = (more: object): string =>
  json({ name: 'app', lockfileVersion: 3, requires: true, packages: { '': { name: 'app' }, ...more } })
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

// Not one that opens anything.
const key = '-----BEGIN OPENSSH PRIVATE KEY-----\nx\n-----END OPENSSH PRIVATE KEY-----\n'

test('npm ci, build script with its tools, prune, start after a move', async () => {
  const { result, lines } = await t.build(
    {
      ...packages,
      'package.json': json({ name: 'app', ...dependencies, scripts: { start: 'greet', build: 'maker' } }),
      'package-lock.json': lock,
      'requirements.txt': '',
    },
    { config: { VITE_TITLE: 'Title', SECRET: 'seen', PORT: '1', PATH: '/nowhere', SSH_KEY: key } },
  )
  const titles = lines.filter((line) => line.startsWith('--'))
  expect(titles).toEqual([
    '-----> Restoring cache...',
    '-----> Node.js app detected',
    '-----> Installing dependencies with npm (package-lock.json)',
    '-----> Running build',
    '-----> Removing build dependencies',
    '-----> Discovering process types',
    '-----> Checking for changes inside the cache directory...',
    expect.stringMatching(/^-----> Compiled slug size is /),
  ])
  expect(lines).toContain('       It also looks like Python: set BUILDPACK_URL or add .buildpacks to choose.')
  expect(lines).toContain('       Default process types for Node.js -> web')
  expect(result.processes).toEqual({ web: 'npm start' })
  const app = await t.unpack(result)
  expect(await read(app, 'made')).toBe('production Title seen undefined')
  expect(lines).toContain(' !     Config that is not passed to builds: PORT, PATH.')
  expect(await readdir(`${app}/node_modules`)).not.toContain('maker')
  expect(await runIn(t, app, 'npm start --silent')).toBe('hello from true\n')
  expect(await runIn(t, app, 'greet; echo $NODE_ENV')).toBe('hello from true\nproduction\n')
})

test('npm install without a lock file; heroku-prebuild, heroku-postbuild and heroku-cleanup', async () => {
  const { result, output } = await t.build({
    ...packages,
    'package.json': `\uFEFF${json({
      name: 'app',
      engines: { node: '>=20', npm: '1.x', yarn: '1.x' },
      dependencies: { greet: 'file:greet' },
      scripts: {
        'heroku-prebuild': 'echo first',
        'heroku-postbuild': 'greet && echo last',
        'heroku-cleanup': 'echo cleaned',
        build: 'exit 1',
      },
    })}`,
    'server.js': 'console.log(process.env.NODE_ENV)',
    '.nvmrc': '20',
  })
  expect(output).toMatch(
    /-----> Running heroku-prebuild[^]*first\n-----> Installing dependencies with npm\n[^]*-----> Running heroku-postbuild[^]*last\n-----> Running heroku-cleanup\n[^]*cleaned\n/,
  )
  expect(output).toMatch(/ !     engines\.npm in package\.json \(1\.x\) is not used: npm [\d.]+ is used\.\n/)
  expect(output).toContain(' !     engines.yarn in package.json (1.x) is not used: npm is used.\n')
  expect(output).not.toContain('.nvmrc')
  expect(result.processes).toEqual({ web: 'node server.js' })
  expect(await runIn(t, await t.unpack(result), 'node server.js')).toBe('production\n')
})

test.each<[string, Record<string, string>]>([
  ['NODE_ENV=development', { NODE_ENV: 'development' }],
  ['NPM_CONFIG_PRODUCTION=false', { NPM_CONFIG_PRODUCTION: 'false' }],
])('%s keeps devDependencies, and nothing else is said', async (_name, config) => {
  const files = { ...packages, 'package.json': json({ name: 'app', ...dependencies }), 'package-lock.json': lock }
  const { result, lines } = await t.build(files, { config })
  expect(await readdir(`${await t.unpack(result)}/node_modules`)).toContain('maker')
  expect(lines.filter((line) => /warn|^ !|Removing|NPM_CONFIG/i.test(line))).toEqual([])
})

test('devDependencies of the packages of a workspace are removed', async () => {
  const files: Files = {
    ...packages,
    'package.json': json({ name: 'app', private: true, workspaces: ['parts/*'] }),
    'parts/one/package.json': json({
      name: 'one',
      version: '1.0.0',
      dependencies: { greet: 'file:../../greet' },
      devDependencies: { maker: 'file:../../maker' },
    }),
  }
  const { result, lines } = await t.build(files)
  expect(lines).toContain('-----> Removing build dependencies')
  const app = await t.unpack(result)
  expect(await readdir(app, { recursive: true })).toContainEqual(expect.stringMatching(/node_modules\/greet$/))
  expect((await readdir(app, { recursive: true })).filter((name) => name.endsWith('node_modules/maker'))).toEqual([])
})

test('a yarn.lock of 12 MB is not read whole', async () => {
  const large = `__metadata:\n  version: 8\n${'# padding of a large lock file\n'.repeat(400_000)}`
  const folder = join(t.folder, 'stand-in')
  // A stand-in for yarn as npm brings it, which says more than its version: it does nothing.
  const version = '4.5.0-git.20250411.hash-1908ee79f'
  await writeFiles(folder, { 'bin/yarn': `#!/bin/sh\n[ "$1" = --version ] && echo ${version}\nexit 0\n` })
  const own = await openTestBuilder({ path: `${join(folder, 'bin')}:${path}`, accounts: t.accounts })
  try {
    const { lines } = await own.build({ 'package.json': json({ packageManager: 'yarn@4.5.0' }), 'yarn.lock': large })
    expect(lines).toContain('-----> Installing dependencies with yarn (yarn.lock)')
    expect(lines.filter((line) => line.startsWith(' !'))).toEqual([])
  } finally {
    await own.close()
  }
})

test.each([
  ['pnp', 'touch .pnp.cjs', 'yarn start', './.yarn/cache/zip'],
  ['node-modules', ':', 'npm start', null],
])('yarn with the linker %s has what it runs from in the app', async (linker, also, web, zip) => {
  const folder = join(t.folder, `yarn-${linker}`)
  // A stand-in for yarn 4.
  const install = `mkdir -p "$YARN_CACHE_FOLDER" && touch "$YARN_CACHE_FOLDER/zip" && ${also}`
  const script = `#!/bin/sh\ncase "$1" in --version) echo 4.5.0;; config) echo ${linker};; install) ${install};; esac\n`
  await writeFiles(folder, { 'bin/yarn': script })
  const own = await openTestBuilder({ path: `${join(folder, 'bin')}:${path}`, accounts: t.accounts })
  try {
    const files = {
      'package.json': json({ packageManager: 'yarn@4.5.0', scripts: { start: 'x' } }),
      'yarn.lock': '__metadata:\n',
    }
    const { result } = await own.build(files)
    expect(result.processes).toEqual({ web })
    const there = await readdir(await own.unpack(result), { recursive: true })
    expect(there.filter((name) => name.endsWith('cache/zip'))).toEqual(zip === null ? [] : [zip.slice(2)])
  } finally {
    await own.close()
  }
})

const bun = spawnSync('bun', ['--version']).status === 0

test.skipIf(bun)('a lock file of bun is refused by name (skipped where bun is)', async () => {
  for (const name of ['bun.lock', 'bun.lockb'])
    await expect(t.build({ 'package.json': '{}', [name]: '' })).rejects.toThrow(
      `${name} needs bun, which was not found on this machine: install it there, or remove ${name} and commit a package-lock.json.`,
    )
})

test('what a project says and is not done is named', async () => {
  const files = { 'package.json': json({ packageManager: 'pnpm@9' }), 'package-lock.json': lockOf({}), 'bun.lock': '' }
  const { lines } = await t.build({
    ...files,
    '.nvmrc': '18',
    Procfile: 'web: node x\nrelease: node migrate\n',
    'app.json': json({ name: 'app', env: { A: 'b' }, buildpacks: [] }),
    'heroku.yml': 'build:\n  docker:\n    web: Dockerfile\nrun: {}\n',
    'project.toml': '[_]\nschema-version = "0.2"\n[[io.buildpacks.group]]\nid = "x"\n',
    Aptfile: 'libvips\n',
  })
  expect(lines.filter((line) => line.startsWith(' !'))).toEqual([
    ' !     heroku.yml is not used (build, run): use a Procfile for what runs, and `deis config:set` for settings.',
    ' !     app.json is not used (env, buildpacks): use `deis config:set`, `deis scale` and BUILDPACK_URL.',
    ' !     project.toml is not used (_, io.buildpacks.group): use `deis config:set`, .slugignore and BUILDPACK_URL.',
    ' !     Aptfile is not used: system packages cannot be installed for a single app. Set BUILDPACK_URL to a buildpack that installs them.',
    ' !     .nvmrc is not used: write the version of Node.js into engines.node of package.json.',
    ' !     bun.lock is not used, because there is package-lock.json: remove the one that is out of date.',
    ' !     packageManager in package.json is not used: it must be a name and a whole version, such as "pnpm@10.1.0".',
    ' !     The release command of the Procfile is not run by a push: run it yourself, with `deis run`.',
  ])
})

test('files of the same names that lose nothing, or cannot be read', async () => {
  const { lines } = await t.build({
    'package.json': '{}',
    'app.json': json({ expo: {}, name: 'x' }),
    'heroku.yml': { link: '/etc/hostname' },
    'project.toml': '# nothing\n',
  })
  expect(lines.filter((line) => line.startsWith(' !'))).toEqual([
    ' !     heroku.yml is not used: use a Procfile for what runs, and `deis config:set` for settings.',
  ])
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

test('pages that a build script made are served, not what they are made of', async () => {
  const rootOf = async (build: string): Promise<string> => {
    const files = {
      'package.json': json({ scripts: { build } }),
      'index.html': 'source',
      'public/index.html': 'template',
    }
    const { result } = await t.build(files)
    expect(result.processes).toEqual({ web: 'node .deis/static.mjs' })
    return read(await t.unpack(result), '.deis/static.json')
  }
  expect(await rootOf('mkdir dist && echo made >dist/index.html')).toContain('"root":"dist"')
  expect(await rootOf('echo made >made.js')).toContain('"root":"."')
})

test.each([
  ['.output/server/index.mjs', 'node .output/server/index.mjs'],
  ['build/handler.js', 'node build'],
])('a server that a build script made is started: %s', async (file, web) => {
  const build = `mkdir -p ${dirname(file)} build && echo >${file} && echo >build/index.html`
  const { result } = await t.build({ 'package.json': json({ scripts: { build } }) })
  expect(result.processes).toEqual({ web })
})

test.each<[string, Files, string]>([
  ['what is not JSON', { 'package.json': '{' }, 'package.json cannot be used: '],
  ['what is not an object', { 'package.json': '[]' }, 'package.json cannot be used: it is not an object.'],
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
    {
      has: async (name) => name in names,
      read: async (name) => (names[name] as string | undefined) ?? null,
      head: async (name) => (names[name] as string | undefined) ?? null,
      onlyFolder: async () => null,
    },
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
    {
      source: '@yarnpkg/cli-dist@4',
      prune: ['workspaces', 'focus', '--all', '--production'],
      install: ['install', '--immutable'],
    },
  ],
  ['yarn pinned', { 'yarn.lock': '' }, { packageManager: 'yarn@4.5.0' }, { source: '@yarnpkg/cli-dist@4.5.0' }],
  ['yarn 3', { 'yarn.lock': '' }, { packageManager: 'yarn@3.6.0' }, { prune: null }],
  ['bun', { 'bun.lockb': '' }, {}, { name: 'bun', source: null }],
  [
    'two locks',
    { 'yarn.lock': '', 'package-lock.json': '' },
    {},
    {
      name: 'yarn',
      notUsed: ['package-lock.json is not used, because there is yarn.lock: remove the one that is out of date.'],
    },
  ],
  [
    'a pin of another manager than the lock',
    { 'package-lock.json': '' },
    { packageManager: 'yarn@4.5.0' },
    {
      name: 'npm',
      notUsed: ['packageManager in package.json (yarn) is not used, because package-lock.json is of npm.'],
    },
  ],
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
