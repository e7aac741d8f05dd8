// Does no request fail while a router is restarted whose sockets another program holds open? (With python3, in the place of systemd.)
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { socketsOf } from '@deis/lib/held-sockets'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startApp } from './testing.ts'
import { startController } from './testing-controller.ts'
import { buildProgram } from './testing-program.ts'

test.each([
  [{ LISTEN_PID: '7', LISTEN_FDS: '2' }, [3, 4]],
  [{ LISTEN_PID: '7', LISTEN_FDS: '1' }, [3]],
  [{ LISTEN_PID: '7', LISTEN_FDS: '9' }, [3, 4]],
  // Meant for the program that has started this one.
  [{ LISTEN_PID: '6', LISTEN_FDS: '2' }, []],
  [{ LISTEN_PID: '7', LISTEN_FDS: 'x' }, []],
  [{ LISTEN_PID: '7' }, []],
  [{}, []],
])('of %j it uses %j', (env, sockets) => {
  expect(socketsOf(env, 7)).toEqual(sockets)
})

/** Opens a port, and starts the program again and again with it, as systemd does. */
const holder = `
import os, socket, sys
held = socket.create_server(('127.0.0.1', 0), backlog=100)
port = str(held.getsockname()[1])
print(port, flush=True)
os.dup2(held.fileno(), 3)
os.set_inheritable(3, True)
os.environ.setdefault('DEIS_ROUTER_PORT', port)
again = """while :; do sh -c 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@"' "$@"; done"""
os.execvp('sh', ['sh', '-c', again, 'sh', *sys.argv[1:]])
`
const hasPython = spawnSync('python3', ['--version']).error === undefined

describe.skipIf(!hasPython)('with a port that is held open (needs python3)', () => {
  let folder: string
  let program: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'router-sockets-'))
    program = await buildProgram(folder)
  })
  afterAll(() => rm(folder, { recursive: true }))

  const childOf = (pid: number | undefined): number =>
    Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0])

  async function hold(env: NodeJS.ProcessEnv): Promise<{ child: ChildProcess; port: number; err: () => string }> {
    const child = spawn('python3', ['-c', holder, process.execPath, program], {
      env: { PATH: process.env.PATH, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let err = ''
    child.stderr.on('data', (data: Buffer) => (err += data.toString()))
    const [port] = (await Promise.race([
      once(child.stdout, 'data'),
      once(child, 'exit').then(() => Promise.reject(new Error(err))),
    ])) as [Buffer]
    return { child, port: Number(/^\d+/.exec(port.toString())?.[0]), err: () => err }
  }

  const ask = (port: number, path = '/'): Promise<string> =>
    new Promise((resolve) => {
      const request = get(
        { host: '127.0.0.1', port, path, agent: false, headers: { host: 'tea.localhost' } },
        (response) => {
          response.resume().on('end', () => resolve(String(response.statusCode)))
          response.on('error', (error) => resolve(error.message))
        },
      )
      request.on('error', (error) => resolve(error.message))
    })

  test.each(['1', '2'])(
    'restarts lose no request, with %s processes',
    async (workers) => {
      const controller = await startController('k')
      const app = await startApp((_request, response) => response.end('tea'))
      controller.set('tea', ['tea'], [app.address])
      const { child, port, err } = await hold({
        DEIS_ROUTER_WORKERS: workers,
        DEIS_ROUTER_KEY: 'k',
        DEIS_CONTROLLER_URL: controller.url,
        DEIS_ROUTER_TABLE: join(folder, `table-${workers}`),
      })
      try {
        await controller.seen((state) => state.port === port)
        await expect.poll(() => ask(port)).toBe('200')
        const answers: string[] = []
        const ending = new AbortController()
        const client = async (): Promise<void> => {
          while (!ending.signal.aborted) answers.push(await ask(port))
        }
        const clients = Array.from({ length: 8 }, client)
        for (let time = 0; time < 3; time++) {
          const router = childOf(child.pid)
          process.kill(router, 'SIGTERM')
          await expect.poll(() => childOf(child.pid), { timeout: 10_000 }).not.toBe(router)
          const before = answers.length
          await expect.poll(() => answers.length, { timeout: 10_000 }).toBeGreaterThan(before + 20)
        }
        ending.abort()
        await Promise.all(clients)
        expect(answers.filter((answer) => answer !== '200')).toEqual([])
        expect(err()).toBe('')
      } finally {
        const router = childOf(child.pid)
        child.kill('SIGKILL')
        process.kill(router, 'SIGKILL')
        await app.close()
        await controller.close()
      }
    },
    30_000,
  )

  test('another port than the setting has is said, and the setting counts', async () => {
    const controller = await startController('k')
    const { child, port, err } = await hold({
      DEIS_ROUTER_PORT: '0',
      DEIS_ROUTER_KEY: 'k',
      DEIS_CONTROLLER_URL: controller.url,
    })
    try {
      await controller.seen((state) => state.port !== port)
      expect(err()).toMatch(`systemd holds port ${port} open, and the setting is 0`)
    } finally {
      const router = childOf(child.pid)
      child.kill('SIGKILL')
      process.kill(router, 'SIGKILL')
      await controller.close()
    }
  })
})
