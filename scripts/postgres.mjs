// How does a command get a PostgreSQL server of its own, gone when the command ends?
//   node scripts/postgres.mjs COMMAND [ARGUMENT…]     sets DATABASE_URL; exits with the command's code
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, chmodSync, chownSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

function binFolder() {
  const folders = ['/usr/lib/postgresql'].flatMap((base) => {
    try {
      return readdirSync(base)
        .toSorted((a, b) => Number(b) - Number(a))
        .map((version) => join(base, version, 'bin'))
    } catch {
      return []
    }
  })
  const found = [...folders, ...(process.env.PATH ?? '').split(':')].find((folder) => {
    try {
      accessSync(join(folder, 'initdb'))
      return true
    } catch {
      return false
    }
  })
  if (!found) throw new Error('no PostgreSQL server here: install the Debian package postgresql')
  return found
}

/** The server refuses to run as root, so it runs as the package's own user then. */
function account() {
  if (process.getuid() !== 0) return {}
  const id = (flag) => Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout.trim())
  const uid = id('-u')
  if (!uid) throw new Error('running as root needs a user called postgres for the server')
  return { uid, gid: id('-g') }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  return port
}

async function main([command, ...args]) {
  if (!command) {
    console.error('usage: node scripts/postgres.mjs COMMAND [ARGUMENT…]')
    return 2
  }
  const bin = binFolder()
  const user = account()
  const folder = mkdtempSync(join(tmpdir(), 'deis-pg-'))
  chmodSync(folder, 0o755)
  if (user.uid) chownSync(folder, user.uid, user.gid)
  const data = join(folder, 'data')
  const port = await freePort()
  const init = spawnSync(join(bin, 'initdb'), ['-D', data, '-U', 'deis', '-A', 'trust', '-E', 'UTF8', '--no-sync'], {
    ...user,
    cwd: folder,
    encoding: 'utf8',
  })
  if (init.status !== 0) throw new Error(`initdb failed:\n${init.stdout}${init.stderr}`)
  const server = spawn(
    join(bin, 'postgres'),
    ['-D', data, '-p', String(port), '-k', folder, '-c', 'listen_addresses=127.0.0.1', '-c', 'max_connections=200'],
    { ...user, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let said = ''
  const ready = new Promise((resolve, reject) => {
    server.stderr.on('data', (chunk) => {
      said = (said + chunk).slice(-10_000)
      if (said.includes('ready to accept connections')) resolve()
    })
    server.once('exit', () => reject(new Error(`the server ended:\n${said}`)))
  })
  try {
    await ready
    const child = spawn(command, args, {
      stdio: 'inherit',
      env: { ...process.env, DATABASE_URL: `postgres://deis@127.0.0.1:${port}/postgres` },
    })
    const [code, signal] = await once(child, 'exit')
    return signal ? 1 : code
  } finally {
    if (server.exitCode === null) {
      server.kill('SIGINT')
      await once(server, 'exit')
    }
    rmSync(folder, { recursive: true, force: true })
  }
}

process.exitCode = await main(process.argv.slice(2))
