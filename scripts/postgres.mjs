// How does a command get a PostgreSQL server of its own, gone when the command ends?
//   node scripts/postgres.mjs COMMAND [ARGUMENT…]     sets DATABASE_URL; exits with the command's code
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, chmodSync, chownSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
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

/** A pid may be used again, or mean another process elsewhere; together with this it names one. */
function startOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ')[19]
  } catch {
    // It has ended, or this system does not tell.
    return 'ended'
  }
}

const place = process.platform === 'linux' ? readlinkSync('/proc/self/ns/pid').replaceAll(/\D/g, '') : 'here'

/** The server of a run that was killed has ended with it; its folder goes with the next run. */
function sweep(base) {
  if (process.platform !== 'linux') return
  for (const name of readdirSync(base)) {
    const [, where, pid, started] = /^deis-pg-(\d+)-(\d+)-(\d+)-/.exec(name) ?? []
    if (where === place && startOf(pid) !== started) rmSync(join(base, name), { recursive: true, force: true })
  }
}

/** How the server is started: where the system can do it, the end of this program ends it, too, whatever that was. */
const untilThisEnds = process.platform === 'linux' ? ['setpriv', '--pdeathsig', 'INT', '--'] : []

async function main([command, ...args]) {
  if (!command) {
    console.error('usage: node scripts/postgres.mjs COMMAND [ARGUMENT…]')
    return 2
  }
  const bin = binFolder()
  const user = account()
  sweep(tmpdir())
  const folder = mkdtempSync(join(tmpdir(), `deis-pg-${place}-${process.pid}-${startOf(process.pid)}-`))
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
  const settings = ['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=', '-c', 'max_connections=200']
  // What it has written outlives a kill as ever, and a power cut need not be outlived.
  settings.push('-c', 'fsync=off')
  const [file, ...words] = [...untilThisEnds, join(bin, 'postgres'), '-D', data, '-p', port, ...settings]
  const server = spawn(file, words.map(String), { ...user, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
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
