// Who may connect, with which key, to do what, and what do connections cost that may not?
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { readFile } from 'node:fs/promises'
import type { ClientChannel } from 'ssh2'
import ssh2 from 'ssh2'
import { afterAll, afterEach, expect, test } from 'vitest'
import {
  makeUser,
  outcome,
  type Platform,
  type Result,
  ssh as startSsh,
  type User,
  type WithUser,
  withUser,
} from '../fixture.ts'

let folder: string
let platform: Platform
let startServer: WithUser['start']
let ann: User
let eve: User

withUser(async (given) => {
  ;({ folder, ann, start: startServer } = given)
  platform = await startServer({ limits: { authMs: 2000, unauthenticatedPerAddress: 8 } })
  eve = await makeUser(folder, 'eve')
})
afterAll(() => platform.close())

const opened: (ssh2.Client | Socket)[] = []
afterEach(() => {
  for (const one of opened.splice(0)) one.destroy()
})

function ssh(user: User, args: readonly string[], login?: string): Promise<Result> {
  const child = startSsh(user, platform, args, login)
  child.stdin.end()
  return outcome(child)
}

async function client(user: User, config: ssh2.ConnectConfig = {}): Promise<ssh2.Client> {
  const connection = new ssh2.Client()
  opened.push(connection)
  const privateKey = await readFile(user.keyFile)
  connection.connect({ host: '127.0.0.1', port: platform.server.port, username: 'git', privateKey, ...config })
  await once(connection, 'ready')
  return connection
}

function exec(connection: ssh2.Client, command: string): Promise<Result> {
  return new Promise((resolve, reject) => {
    connection.exec(command, (error: Error | undefined, channel: ClientChannel) => {
      if (error) return reject(error)
      let stdout = ''
      let stderr = ''
      channel.on('data', (data: Buffer) => (stdout += data.toString()))
      channel.stderr.on('data', (data: Buffer) => (stderr += data.toString()))
      channel.on('close', (code: number | null) => resolve({ code, stdout, stderr }))
      channel.end()
    })
  })
}

function raw(): Socket {
  const socket = connect(platform.server.port, '127.0.0.1')
  socket.on('error', () => {})
  opened.push(socket)
  return socket
}

const stillServes = async (): Promise<void> => {
  expect(await ssh(ann, ['ping'])).toEqual({ code: 0, stdout: 'pong', stderr: '' })
}

test('any login name, each kind of key', async () => {
  expect(await ssh(ann, ['ping'], 'somebody')).toEqual({ code: 0, stdout: 'pong', stderr: '' })
  for (const options of [
    { type: 'ecdsa', bits: 384 },
    { type: 'rsa', bits: 2048 },
  ] as const) {
    const user = await makeUser(folder, `ann-${options.type}`, options)
    platform.state.users.set(user.print, 'ann')
    expect(await ssh(user, ['ping'])).toEqual({ code: 0, stdout: 'pong', stderr: '' })
  }
})

test('unknown, weak and SHA-1 keys are denied', async () => {
  const denied = 'git@127.0.0.1: Permission denied (publickey).\r\n'
  expect(await ssh(eve, ['ping'])).toEqual({ code: 255, stdout: '', stderr: denied })
  const weak = await makeUser(folder, 'weak', { type: 'rsa', bits: 1024 })
  platform.state.users.set(weak.print, 'ann')
  expect((await ssh(weak, ['-o', 'RequiredRSASize=1024', 'ping'])).code).toBe(255)
  const rsa = await makeUser(folder, 'rsa', { type: 'rsa', bits: 2048 })
  platform.state.users.set(rsa.print, 'ann')
  const old = await ssh(rsa, ['-o', 'PubkeyAcceptedAlgorithms=ssh-rsa', 'ping'])
  expect(old.code).toBe(255)
})

test('offering the public key of another user is not enough', async () => {
  const foreign = await readFile(`${ann.keyFile}.pub`)
  const key = ssh2.utils.parseKey(foreign)
  const mine = ssh2.utils.parseKey(await readFile(eve.keyFile))
  if (key instanceof Error || mine instanceof Error) throw new Error('no key')
  class Impostor extends ssh2.BaseAgent {
    override getIdentities(done: (error: undefined, keys: ssh2.ParsedKey[]) => void): void {
      done(undefined, [key as ssh2.ParsedKey])
    }
    override sign(_key: unknown, data: Buffer, ...rest: unknown[]): void {
      const done = rest.at(-1) as (error: undefined, signature: Buffer) => void
      done(undefined, (mine as ssh2.ParsedKey).sign(data))
    }
  }
  const refused = client(ann, { privateKey: undefined, agent: new Impostor() })
  await expect(refused).rejects.toThrow('All configured authentication methods failed')
})

test('a failing key lookup denies and is logged', async () => {
  const broken = await startServer({
    identify: async () => {
      throw new Error('database is down')
    },
  })
  const result = await outcome(startSsh(ann, broken, ['ping']))
  expect(result.code).toBe(255)
  expect(broken.state.logged.map(({ message }) => message)).toContain('ssh key could not be checked')
  await broken.close()
})

test('at most six keys may be tried', async () => {
  const keys = await Promise.all(Array.from({ length: 7 }, (_, n) => makeUser(folder, `wrong-${n}`)))
  const asked: string[] = []
  const counting = await startServer({
    identify: async (print) => {
      asked.push(print)
      return null
    },
  })
  const more = keys.map(({ keyFile }) => `-i ${keyFile}`).join(' ')
  const env = { ...ann.env, GIT_SSH_COMMAND: `${ann.env['GIT_SSH_COMMAND']?.replace(/ -i .*/, '')} ${more}` }
  const result = await outcome(startSsh({ ...ann, env }, counting, ['ping']))
  expect(result.code).toBe(255)
  expect(asked).toEqual(keys.slice(0, 6).map(({ print }) => print))
  await counting.close()
})

test('a shell is refused with a greeting', async () => {
  const stdout = 'Hi ann! There is no shell here: use git push and git fetch.\r\n'
  expect(await ssh(ann, [])).toEqual({ code: 1, stdout, stderr: '' })
  expect(await ssh(ann, ['-tt'])).toMatchObject({ code: 255, stderr: expect.stringContaining('PTY allocation') })
})

test.each([
  ['id; touch /tmp/x'],
  ["git-upload-archive '/app.git'"],
  ["git-receive-pack '../../etc'"],
  ["git-receive-pack 'app'; id"],
  ['git-receive-pack $(id)'],
  ['git-receive-pack `id`'],
  ['git-upload-pack --upload-pack=id'],
  ["scp -t '/x'"],
])('exec %j is refused', async (command) => {
  const result = await ssh(ann, [command])
  expect(result).toMatchObject({ code: 1, stdout: '' })
  expect(result.stderr).toMatch(/is not allowed|is not an app's repository/)
})

test.each([[`git-receive-pack 'a\0b'`], ["git-upload-pack '\u202eapp'"], [''], ['x'.repeat(30_000)]])(
  'exec %j through a library is refused',
  async (command) => {
    const connection = await client(ann)
    expect(await exec(connection, command)).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/is not/),
    })
    await stillServes()
  },
)

test('no subsystem, forwarding, agent or X11', async () => {
  const connection = await client(ann)
  const fails = (ask: (done: (error?: Error) => void) => void): Promise<Error | undefined> => new Promise(ask)
  expect(await fails((done) => connection.sftp(done))).toBeInstanceOf(Error)
  expect(await fails((done) => connection.subsys('x', done))).toBeInstanceOf(Error)
  expect(await fails((done) => connection.forwardIn('127.0.0.1', 0, done))).toBeInstanceOf(Error)
  expect(await fails((done) => connection.forwardOut('127.0.0.1', 1, '127.0.0.1', 22, done))).toBeInstanceOf(Error)
  expect(await fails((done) => connection.openssh_forwardOutStreamLocal('/tmp/x', done))).toBeInstanceOf(Error)
  expect(await fails((done) => connection.exec('ping', { pty: true }, done))).toBeInstanceOf(Error)
  expect(await fails((done) => connection.exec('ping', { x11: true }, done))).toBeInstanceOf(Error)
  expect(await exec(connection, 'ping')).toEqual({ code: 0, stdout: 'pong', stderr: '' })
})

test('a connection has ten sessions at most', async () => {
  const connection = await client(ann)
  // A receive-pack waits for input, so each of these stays open.
  const results = await Promise.all(
    Array.from({ length: 11 }, async (_, n) => {
      return new Promise<Error | undefined>((resolve) => {
        connection.exec(`git-receive-pack 'many-${n}'`, (error: Error | undefined) => resolve(error))
      })
    }),
  )
  expect(results.filter((error) => error !== undefined)).toHaveLength(1)
})

test('garbage, half-open connections and broken packets harm no other client', async () => {
  const garbage = Buffer.from(Array.from({ length: 70_000 }, (_, n) => (n * 7919) % 251))
  const header = Buffer.from('SSH-2.0-x\r\n')
  const nonsense = [
    garbage,
    Buffer.concat([header, garbage]),
    Buffer.concat([header, Buffer.from([255, 255, 255, 255, 4]), garbage]),
    Buffer.concat([header, Buffer.from([0, 0, 0, 12, 4, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])]),
    Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    Buffer.from('SSH-1.5-old\r\n'),
  ]
  await Promise.all(
    nonsense.map(async (bytes) => {
      const socket = raw()
      socket.resume()
      // A server that closes before it has read everything resets the connection: also an end.
      const closed = new Promise((resolve) => socket.once('close', resolve))
      socket.write(bytes)
      await closed
    }),
  )
  for (let n = 0; n < 20; n++) {
    const socket = raw()
    socket.write(header)
    await once(socket, 'data')
    socket.resetAndDestroy()
    await once(socket, 'close')
  }
  await stillServes()
})

test('connections without a proven key are closed for later ones, the oldest first, and none waits for ever', async () => {
  const silent = Array.from({ length: 12 }, () => raw())
  const ends: number[] = []
  const connected = silent.map((socket) => once(socket, 'connect'))
  const said = silent.map(async (socket, index) => {
    let text = ''
    socket.on('data', (data: Buffer) => (text += data.toString()))
    await once(socket, 'close')
    ends.push(index)
    return text
  })
  // Otherwise they may come after the client, and have it closed for them.
  await Promise.all(connected)
  // As many idle connections as are allowed, and more: a client with a key is let in at once, again and again.
  for (let i = 0; i < 3; i++) expect((await ssh(ann, ['ping'])).stdout).toBe('pong')
  const texts = await Promise.all(said)
  expect(texts.filter((text) => text.includes('Too many connections'))).toEqual([])
  expect(ends).toHaveLength(12)
  expect(Math.max(...ends.slice(0, 4))).toBeLessThan(Math.max(...ends.slice(-4)))
  await stillServes()
})

test('connections of proven users do not count among those that wait', async () => {
  const proven = await Promise.all(Array.from({ length: 7 }, () => client(ann)))
  proven.push(await client(ann), await client(ann), await client(ann))
  for (const connection of proven) expect((await exec(connection, 'ping')).stdout).toBe('pong')
  expect((await ssh(ann, ['ping'])).stdout).toBe('pong')
})

test('weak algorithms are not offered', async () => {
  for (const algorithms of [
    { kex: ['diffie-hellman-group14-sha1'] },
    { cipher: ['aes128-cbc'] },
    { hmac: ['hmac-sha1'], cipher: ['aes128-ctr'] },
    { compress: ['zlib@openssh.com'] },
  ] as ssh2.Algorithms[])
    await expect(client(ann, { algorithms })).rejects.toThrow(/no matching/)
})
