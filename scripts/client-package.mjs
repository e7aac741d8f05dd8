// How does the built client become one file that npm installs anywhere, with nothing to fetch?
//   node scripts/client-package.mjs [FOLDER]      after a build: writes deis-<version>.tgz and SHA256SUMS, usually in dist/client
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { noticesFile } from './licences.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))

/** By shell, under the names that each looks for. */
const completions = { bash: 'deis.bash', zsh: '_deis', fish: 'deis.fish' }

const readme = `# deis

The command line of Deis, an application platform. \`deis login URL\` logs in to a platform, \`deis help\` lists the commands.

The folder \`completions\` completes them in bash, zsh and fish; \`deis completion SHELL\` prints the same.
`

function manifest() {
  const { version, engines, license, description } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return {
    name: 'deis',
    version,
    description: `The command line of Deis. ${description}`,
    license,
    type: 'commonjs',
    bin: { deis: 'lib/deis.js' },
    files: ['lib', 'completions', noticesFile],
    engines,
  }
}

/** What is in the package; what V8 compiled is not, because it fits one version of Node only. */
function lay(folder, dist) {
  const content = manifest()
  mkdirSync(join(folder, 'lib'))
  mkdirSync(join(folder, 'completions'))
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(content, null, 2)}\n`)
  writeFileSync(join(folder, 'README.md'), readme)
  cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'))
  cpSync(join(dist, 'cli', noticesFile), join(folder, noticesFile))
  const built = readdirSync(join(dist, 'cli')).filter((name) => name.endsWith('.js'))
  for (const name of built) cpSync(join(dist, 'cli', name), join(folder, 'lib', name))
  for (const [shell, name] of Object.entries(completions)) {
    const script = execFileSync(process.execPath, [join(folder, 'lib/deis.js'), 'completion', shell])
    writeFileSync(join(folder, 'completions', name), script)
  }
  return { content, lib: built.map((name) => `lib/${name}`) }
}

/** Packs what is in `cli` of `dist` into the folder `target`. The same input gives the same bytes: the files are in order, and carry neither times nor owners. */
export async function packClient(dist, target) {
  // Not before libraries are installed: the build, which does that, imports this file.
  const { create } = await import('tar')
  const folder = mkdtempSync(join(tmpdir(), 'deis-package-'))
  try {
    const { content, lib } = lay(folder, dist)
    const scripts = Object.values(completions).map((name) => `completions/${name}`)
    const file = `${content.name}-${content.version}.tgz`
    mkdirSync(target, { recursive: true })
    const files = ['LICENSE', 'README.md', noticesFile, 'package.json', ...scripts, ...lib].toSorted()
    const stable = { portable: true, mtime: new Date('1985-10-26T08:15:00Z'), gzip: { level: 9 } }
    await create({ cwd: folder, prefix: 'package', file: join(target, file), noDirRecurse: true, ...stable }, files)
    const sum = createHash('sha256')
      .update(readFileSync(join(target, file)))
      .digest('hex')
    writeFileSync(join(target, 'SHA256SUMS'), `${sum}  ${file}\n`)
    return join(target, file)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const dist = join(root, 'dist')
  console.log(await packClient(dist, process.argv[2] ?? join(dist, 'client')))
}
