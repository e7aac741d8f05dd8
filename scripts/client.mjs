// How is the client built, so that it starts fast?
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { constants } from 'node:zlib'
import { noticesFile, noticesOf } from './licences.mjs'

/** Libraries that few commands need, each a file of its own. */
const apart = {
  'age-encryption': "module.exports = require('age-encryption')",
  axios: "module.exports = require('axios/unsafe/axios.js').default",
  inquirer: "module.exports = require('inquirer').default",
  ws: "module.exports = require('ws')",
  yaml: "module.exports = require('yaml')",
}

/** Parts of Node that it takes milliseconds to load, and that most commands import without a use. */
const lazy = [
  'child_process',
  'crypto',
  'fs/promises',
  'http2',
  'https',
  'readline',
  'stream/consumers',
  'timers/promises',
  'tls',
]

/** A module like the built-in one, which loads it at the first use of a name. */
async function lazily(name) {
  const names = Object.keys(await import(`node:${name}`)).filter((key) => !['default', 'module.exports'].includes(key))
  return [
    `for (const name of ${JSON.stringify(names)})`,
    `  Object.defineProperty(exports, name, { enumerable: true, get: () => require('node:${name}')[name] })`,
  ].join('\n')
}

/** Only for controllers behind a proxy: a class like that of the package, which is loaded at its first use. */
const proxyAgent = `
  const real = () => require('https-proxy-agent')
  module.exports = new Proxy(function () {}, {
    construct: (_, args) => new (real())(...args),
    get: (_, name) => real()[name],
  })`

/**
 * axios looks at the built-in fetch and its FormData even when it uses neither, and Node loads those at the first look,
 * which takes as long as its own start. The client sends JSON, by http.
 */
const withoutFetch = [
  [/\/axios\/lib\/adapters\/fetch\.js$/, () => 'export const getFetch = () => null'],
  [
    /\/axios\/lib\/utils\.js$/,
    (text) => {
      const looks = "typeof G.FormData !== 'undefined' ? G.FormData : undefined"
      if (!text.includes(looks)) throw new Error('axios does not look at FormData as it did')
      return text.replace(looks, 'undefined')
    },
  ],
  [/\/form-data\/lib\/form_data\.js$/, () => 'module.exports = class FormData {}'],
]

/** Redirects are never followed, and answers are compressed only where a proxy does it: neither is loaded for nothing. */
const unused = {
  'follow-redirects': 'module.exports = { http: {}, https: {} }',
  zlib: [
    `exports.constants = ${JSON.stringify(constants)}`,
    "for (const name of ['createUnzip', 'createBrotliDecompress'])",
    "  exports[name] = (options) => require('node:zlib')[name](options)",
  ].join('\n'),
}

const named = (names) => new RegExp(`^(node:)?(${names.join('|')})$`)

const plugin = (source) => ({
  name: 'client',
  setup(build) {
    build.onResolve({ filter: named(Object.keys(apart)) }, ({ path, importer }) =>
      importer.startsWith(source('')) ? { path: `./${path}.js`, external: true } : undefined,
    )
    build.onResolve({ filter: /^typebox$/ }, () => ({ path: source('types/src/outline.ts') }))
    build.onResolve({ filter: named(lazy) }, ({ path, namespace }) =>
      namespace === 'lazy' ? undefined : { path: path.replace(/^node:/, ''), namespace: 'lazy' },
    )
    build.onResolve({ filter: /^https-proxy-agent$/ }, ({ path, namespace, resolveDir }) =>
      namespace === 'proxy' ? undefined : { path, namespace: 'proxy', pluginData: resolveDir },
    )
    build.onResolve({ filter: named(Object.keys(unused)) }, ({ path, namespace }) =>
      namespace === 'unused' ? undefined : { path: path.replace(/^node:/, ''), namespace: 'unused' },
    )
    build.onLoad({ filter: /./, namespace: 'unused' }, ({ path }) => ({ contents: unused[path] }))
    build.onLoad({ filter: /./, namespace: 'proxy' }, ({ pluginData: resolveDir }) => ({
      contents: proxyAgent,
      resolveDir,
    }))
    build.onLoad({ filter: /./, namespace: 'lazy' }, async ({ path }) => ({ contents: await lazily(path) }))
    for (const [filter, change] of withoutFetch)
      build.onLoad({ filter }, ({ path }) => ({ contents: change(readFileSync(path, 'utf8')) }))
  },
})

/** Builds the client in `folder`; `source` finds files of packages. Returns the files that are in it. */
export async function buildClient(build, source, folder) {
  const options = {
    bundle: true,
    platform: 'node',
    // Node starts a program of this form faster.
    format: 'cjs',
    target: 'node20',
    supported: { 'dynamic-import': false },
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
    plugins: [plugin(source)],
  }
  const library = ([name, contents]) =>
    build({
      ...options,
      stdin: { contents, resolveDir: source('cli') },
      // axios measures how long a request takes, which nobody reads: without it by the clock that needs no loading.
      define: { performance: 'undefined' },
      outfile: join(folder, `${name}.js`),
    })
  const built = await Promise.all([
    build({
      ...options,
      entryPoints: { deis: source('cli/src/start.ts'), main: source('cli/src/main.ts') },
      outdir: folder,
    }),
    ...Object.entries(apart).map(library),
  ])
  chmodSync(join(folder, 'deis.js'), 0o755)
  writeFileSync(join(folder, 'package.json'), '{"type":"commonjs"}\n')
  const inputs = built.flatMap(({ metafile }) => Object.keys(metafile.inputs))
  writeFileSync(join(folder, noticesFile), noticesOf(inputs))
  // Without the flags and options of this process: V8 uses only what was compiled under the same.
  const { NODE_OPTIONS: _, ...env } = process.env
  const { status } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), folder], { env, stdio: 'inherit' })
  if (status !== 0) throw new Error('the compiled code of the client was not stored')
  return inputs
}

/** Runs a command with a request, and stores what V8 has compiled for it. */
async function storeCompiled(folder) {
  const { createServer } = await import('node:http')
  const { createRequire } = await import('node:module')
  const home = mkdtempSync(join(tmpdir(), 'deis-build-'))
  const server = createServer((_, response) =>
    response.setHeader('deis_api_version', '2.3').end('{"count":0,"results":[]}'),
  )
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening))
  mkdirSync(join(home, '.deis'))
  const controller = `http://127.0.0.1:${server.address().port}`
  writeFileSync(join(home, '.deis/client.json'), JSON.stringify({ controller, token: 'none' }))
  for (const name of Object.keys(process.env)) if (/^deis_|_proxy$/i.test(name)) delete process.env[name]
  process.env.HOME = home
  process.argv = [process.execPath, join(folder, 'deis.js'), 'apps', '--json']
  process.stdout.write = () => {
    server.close()
    return true
  }
  const { scripts } = createRequire(import.meta.url)(join(folder, 'deis.js'))
  process.on('exit', () => {
    rmSync(home, { recursive: true })
    for (const [file, script] of scripts) writeFileSync(`${file}.cache`, script.createCachedData())
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await storeCompiled(process.argv[2])
