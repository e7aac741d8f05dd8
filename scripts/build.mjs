// What has to be made of the sources before anything runs, and is it made already?
//   node scripts/build.mjs      installs libraries and builds dist/ when that is needed, and says where the command line is
import { createHash } from 'node:crypto'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { collectLibraries } from '../packages/install/collect.mjs'
import { packClient } from './client-package.mjs'
import { flags } from './flags.mjs'
import { buildClient } from './client.mjs'
import { installAll } from './install.mjs'
import { noticesFile, noticesOf } from './licences.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const dist = join(root, 'dist')
// In what it vouches for: whoever deletes that deletes it, too.
const stamp = join(dist, '.stamp')

/** Files whose change asks for a new build. */
function sources(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      if (['node_modules', 'generated', 'dist'].includes(entry.name)) return []
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return sources(path)
      return entry.name.endsWith('.test.ts') ? [] : [path]
    })
}

function fingerprint() {
  const hash = createHash('sha256')
  const files = [
    ...sources(join(root, 'packages')),
    ...sources(join(root, 'prisma')),
    join(root, 'pnpm-lock.yaml'),
    join(root, 'package.json'),
    join(root, 'LICENSE'),
    ...sources(join(root, 'scripts')),
  ]
  for (const file of files) hash.update(relative(root, file)).update('\0').update(readFileSync(file))
  return `${hash.digest('hex')} ${process.version}`
}

/** CommonJS libraries inside a module need a require; ssh2 also wants a __dirname, for a program it only has on Windows. */
const banner = [
  "import { createRequire as __createRequire } from 'node:module';",
  'const require = __createRequire(import.meta.url);',
  "globalThis.__dirname ??= new URL('.', import.meta.url).pathname;",
].join(' ')

/** Returns the files that are in it. */
async function bundle({ build, plugins }, name, entries, more = {}) {
  const { metafile } = await build({
    metafile: true,
    entryPoints: entries,
    outdir: join(dist, name),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    splitting: true,
    sourcemap: false,
    legalComments: 'none',
    logLevel: 'warning',
    chunkNames: 'chunks/[name]-[hash]',
    plugins,
    banner: { js: banner },
    ...more,
  })
  return Object.keys(metafile.inputs)
}

/** The page of the platform, for browsers. */
async function buildPage() {
  const { build } = await import('vite')
  await build({ configFile: join(root, 'packages/web/vite.config.ts'), logLevel: 'warn' })
  return []
}

/** Starts a program, and no other process unless it is a link: each takes as long as much of the client. */
const wrapper = (program) => `#!/bin/sh
case $0 in
  */*) self=$0 ;;
  *) self=./$0 ;;
esac
while [ -h "$self" ]; do
  to=$(readlink "$self") || exit
  case $to in
    /*) self=$to ;;
    *) self=\${self%/*}/$to ;;
  esac
done
node=\${self%/*}/node
[ -x "$node" ] || node=node
exec "$node" "\${self%/*}/../${program}" "$@"
`
const commands = { deis: 'cli/deis.js', 'deis-server': 'server/main.js' }

/** A name for what is built of these sources: two builds of one version differ. */
function releaseName(fingerprint) {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return `${version}-${fingerprint.slice(0, 10)}`
}

/** Builds when needed; says what it does. Returns whether it built. */
export async function buildAll(log) {
  const wanted = fingerprint()
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return false
  rmSync(stamp, { force: true })
  log('building')
  const { generateClients } = await import('./prisma.mjs')
  generateClients()
  const { build } = await import('esbuild')
  const { embedPrograms } = await import('./programs.mjs')
  const esbuild = { build, plugins: [embedPrograms] }
  rmSync(dist, { recursive: true, force: true })
  const source = (path) => join(root, 'packages', path)
  const inputs = await Promise.all([
    buildClient(build, source, join(dist, 'cli')),
    bundle(
      esbuild,
      'controller',
      { keys: source('controller/src/keys.ts'), main: source('controller/src/main.ts') },
      {
        external: [
          '@libsql/client',
          '@lydell/node-pty',
          'cpu-features',
          './crypto/build/Release/sshcrypto.node',
          'pg-native',
        ],
        minifySyntax: true,
        minifyWhitespace: true,
        lineLimit: 200,
      },
    ),
    bundle(
      esbuild,
      'controller',
      { archive: source('machine/src/archive/main.ts') },
      { splitting: false, minifySyntax: true, minifyWhitespace: true },
    ),
    bundle(
      esbuild,
      'builder',
      { runner: source('buildpacks/src/runner/main.ts') },
      { splitting: false, minifySyntax: true, minifyWhitespace: true },
    ),
    buildPage(),
    bundle(esbuild, 'router', { main: source('router/src/main.ts') }, { minifySyntax: true }),
    bundle(
      esbuild,
      'server',
      { main: source('server/src/main.ts') },
      { minifySyntax: true, external: ['@libsql/client', 'cpu-features', './crypto/build/Release/sshcrypto.node'] },
    ),
  ])
  writeFileSync(join(dist, noticesFile), noticesOf(inputs.flat()))
  await packClient(dist, join(dist, 'client'))
  cpSync(join(root, 'prisma/migrations'), join(dist, 'controller/migrations'), { recursive: true })
  mkdirSync(join(dist, 'bin'), { recursive: true })
  // A shell script rather than a link: it also works where the file system has no symbolic links for node to follow.
  for (const [name, program] of Object.entries(commands)) {
    writeFileSync(join(dist, 'bin', name), wrapper(program))
    chmodSync(join(dist, 'bin', name), 0o755)
  }
  // What stays outside of the bundle, so that the folder can be copied elsewhere, and runs there.
  collectLibraries(
    { '@libsql/client': 'controller', '@lydell/node-pty': 'process' },
    join(dist, 'controller/node_modules'),
  )
  symlinkSync('../controller/node_modules', join(dist, 'server/node_modules'))
  writeFileSync(join(dist, 'release.json'), `${JSON.stringify({ name: releaseName(wanted), flags })}\n`)
  writeFileSync(stamp, wanted)
  return true
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const say = (text) => console.log(`deis: ${text}`)
  installAll(say)
  await buildAll(say)
  console.log(`The command line:\n  export PATH="${join(dist, 'bin')}:$PATH"`)
}
