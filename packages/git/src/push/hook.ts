// What does git's hook program do? It calls the controller, prints the replies and exits with the code it gets.
import { readSync } from 'node:fs'
import { createConnection } from 'node:net'
import type { HookReply, HookRequest } from './hooks.ts'
import { longestUpdates, tooManyRefs } from './refs.ts'

const connectMs = 10_000

/** git's list of ref updates; null: too long. */
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
  const listed = updates()
  if (listed === null) return null
  const names = ['GIT_QUARANTINE_PATH', 'GIT_OBJECT_DIRECTORY', 'GIT_ALTERNATE_OBJECT_DIRECTORIES']
  return {
    token,
    hook: 'pre-receive',
    updates: listed,
    options: Array.from(
      { length: Number(env['GIT_PUSH_OPTION_COUNT'] ?? 0) },
      (_, n) => env[`GIT_PUSH_OPTION_${n}`] ?? '',
    ),
    quarantine: Object.fromEntries(names.map((name) => [name, env[name] ?? ''])),
  }
}

const [hook = '', ...args] = process.argv.slice(2)
const path = process.env['DEIS_HOOK_SOCKET']
// The default: if anything goes wrong, the push is declined.
process.exitCode = 1

const asked = request(hook, args, process.env)

if (path === undefined) {
  process.stderr.write('This repository accepts pushes through the platform only.\n')
} else if (asked === null) {
  process.stderr.write(`${tooManyRefs}\n`)
} else {
  const socket = createConnection(path)
  let decided = false
  let hasOutput = false
  let waiting = ''
  const act = (reply: HookReply): void => {
    if ('text' in reply) {
      process.stderr.write(reply.text)
      return
    }
    decided = true
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
    hasOutput = true
    const lines = (waiting + chunk).split('\n')
    waiting = lines.pop() ?? ''
    for (const line of lines) act(JSON.parse(line) as HookReply)
  })
  // 'close' follows in both cases.
  socket.on('error', () => {})
  socket.on('close', () => {
    clearTimeout(deadline)
    if (decided) return
    // After the first output there may already be a release.
    process.stderr.write(
      hasOutput
        ? 'The platform stopped during this push. Run `deis releases` to see whether it was deployed.\n'
        : 'The platform stopped during this push and nothing was changed. Push again in a moment.\n',
    )
  })
}
