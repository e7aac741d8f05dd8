// What does a hook of git do? It tells the controller, shows what comes back and exits as it is told.
import { readSync } from 'node:fs'
import { createConnection } from 'node:net'
import type { HookReply, HookRequest } from './hooks.ts'
import { longestUpdates, tooManyRefs } from './refs.ts'

const connectMs = 10_000

/** What git says of the refs; null: too much. */
function updates(): string | null {
  const chunks: Buffer[] = []
  const chunk = Buffer.alloc(65_536)
  let size = 0
  for (let read = readSync(0, chunk); read > 0; read = readSync(0, chunk)) {
    size += read
    if (size > longestUpdates) return null
    chunks.push(Buffer.from(chunk.subarray(0, read)))
  }
  return Buffer.concat(chunks).toString('utf8')
}

function request(hook: string, args: readonly string[], env: NodeJS.ProcessEnv): HookRequest | null {
  const token = env['DEIS_HOOK_TOKEN'] ?? ''
  if (hook === 'update') return { token, hook, ref: args[0] ?? '' }
  const said = updates()
  if (said === null) return null
  const names = ['GIT_QUARANTINE_PATH', 'GIT_OBJECT_DIRECTORY', 'GIT_ALTERNATE_OBJECT_DIRECTORIES']
  return {
    token,
    hook: 'pre-receive',
    updates: said,
    options: Array.from(
      { length: Number(env['GIT_PUSH_OPTION_COUNT'] ?? 0) },
      (_, n) => env[`GIT_PUSH_OPTION_${n}`] ?? '',
    ),
    quarantine: Object.fromEntries(names.map((name) => [name, env[name] ?? ''])),
  }
}

const [hook = '', ...args] = process.argv.slice(2)
const path = process.env['DEIS_HOOK_SOCKET']
// Until told otherwise: whatever goes wrong, the push is declined.
process.exitCode = 1

const asked = request(hook, args, process.env)

if (path === undefined) {
  process.stderr.write('This repository takes pushes through the platform only.\n')
} else if (asked === null) {
  process.stderr.write(`${tooManyRefs}\n`)
} else {
  const socket = createConnection(path)
  let told = false
  let isTalking = false
  let waiting = ''
  const act = (reply: HookReply): void => {
    if ('text' in reply) {
      process.stderr.write(reply.text)
      return
    }
    told = true
    process.exitCode = reply.exit
    socket.end()
  }
  const deadline = setTimeout(() => socket.destroy(), connectMs)
  process.stderr.on('error', () => socket.destroy())
  socket.setEncoding('utf8')
  socket.on('connect', () => {
    clearTimeout(deadline)
    socket.write(`${JSON.stringify(asked)}\n`)
  })
  socket.on('data', (chunk: string) => {
    isTalking = true
    const lines = (waiting + chunk).split('\n')
    waiting = lines.pop() ?? ''
    for (const line of lines) act(JSON.parse(line) as HookReply)
  })
  // 'close' follows and speaks for both.
  socket.on('error', () => {})
  socket.on('close', () => {
    clearTimeout(deadline)
    if (told) return
    // Once there was output, there may be a release as well.
    process.stderr.write(
      isTalking
        ? 'The platform stopped during this push: see with `deis releases` whether it was deployed.\n'
        : 'The platform stopped during this push and nothing was changed: push again in a moment.\n',
    )
  })
}
