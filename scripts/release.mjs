// How does a built release get onto servers that build nothing?
//   node scripts/release.mjs [FOLDER]      packs dist/ with this Node.js, and prints the file and its SHA-256
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildAll } from './build.mjs'
import { installAll } from './install.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const target = resolve(process.argv[2] ?? '.')

installAll(console.error)
await buildAll(console.error)
const { name } = JSON.parse(readFileSync(join(root, 'dist/release.json'), 'utf8'))
const folder = mkdtempSync(join(tmpdir(), 'deis-release-'))
try {
  cpSync(join(root, 'dist'), join(folder, name), { recursive: true, verbatimSymlinks: true })
  // A Node.js that is mostly a library of the system runs there only.
  if (!process.config.variables.node_shared) copyFileSync(process.execPath, join(folder, name, 'bin/node'))
  mkdirSync(target, { recursive: true })
  const file = join(target, `deis-${name}-${process.platform}-${process.arch}.tar.gz`)
  const { status } = spawnSync(
    'tar',
    ['--create', '--gzip', '--owner=0', '--group=0', `--file=${file}`, `--directory=${folder}`, '--', name],
    { stdio: 'inherit' },
  )
  if (status !== 0) throw new Error('tar failed; see the lines above')
  const sum = createHash('sha256').update(readFileSync(file)).digest('hex')
  console.log(`${sum}  ${file}`)
} finally {
  rmSync(folder, { recursive: true })
}
