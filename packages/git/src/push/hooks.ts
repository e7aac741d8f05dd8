// How do git's hooks reach the controller that runs the push?
import { chmod, access, constants, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { quoted } from '@deis/lib/quoted'
import { type Static, Type } from 'typebox'
import { Check } from 'typebox/value'

const Text = Type.String({ maxLength: 8192 })

export const HookRequest = Type.Union([
  Type.Object({
    token: Text,
    hook: Type.Literal('pre-receive'),
    /** Lines `<before> <after> <ref>`. */
    updates: Type.String(),
    options: Type.Array(Text, { maxItems: 100 }),
    /** GIT_QUARANTINE_PATH, GIT_OBJECT_DIRECTORY and GIT_ALTERNATE_OBJECT_DIRECTORIES. */
    quarantine: Type.Record(Text, Text),
  }),
  Type.Object({ token: Text, hook: Type.Literal('update'), ref: Text }),
])
export type HookRequest = Static<typeof HookRequest>

/** One JSON object per line: text to show, and at the end the exit code. */
export type HookReply = { readonly text: string } | { readonly exit: number }

export type HookCall = {
  readonly request: HookRequest
  readonly show: (text: string) => void
  /** Aborted when the hook dies before it was answered: its push cannot succeed any more. */
  readonly gone: AbortSignal
}

export type HookServer = { readonly path: string; close(): Promise<void> }

// Ten thousand refs fit.
const longestRequest = 8_388_608
const longestBacklog = 4_194_304
const requestMs = 30_000
// sun_path has 104 bytes on some systems, 108 on others, with the final zero.
const longestPath = 100

/** Writes the two fixed scripts all repositories share. */
export async function writeHooks(folder: string, program: readonly string[]): Promise<void> {
  const run = program.map(quoted).join(' ')
  const scripts = {
    'pre-receive': `#!/bin/sh\nexec ${run} pre-receive\n`,
    // A process per tag would be wasteful with hundreds of tags: the file exists only when something is refused.
    update: `#!/bin/sh\n[ -e "$DEIS_HOOK_REFUSALS" ] || exit 0\nexec ${run} update "$1"\n`,
  }
  await mkdir(folder, { recursive: true, mode: 0o755 })
  for (const [name, script] of Object.entries(scripts)) {
    const file = join(folder, name)
    await writeFile(`${file}.new`, script)
    await chmod(`${file}.new`, 0o755)
    await rename(`${file}.new`, file)
    // git skips hooks it may not execute, and would then accept any push without deploying it.
    await access(file, constants.X_OK).catch((cause: unknown) => {
      throw new Error(
        `"${file}" cannot be executed: is the file system mounted noexec? Choose another DEIS_DATA_DIR.`,
        {
          cause,
        },
      )
    })
  }
}

function readRequest(socket: Socket): Promise<HookRequest | null> {
  return new Promise((resolve) => {
    let text = ''
    const finish = (request: HookRequest | null): void => {
      clearTimeout(deadline)
      socket.off('data', add)
      resolve(request)
    }
    const deadline = setTimeout(() => finish(null), requestMs)
    const add = (chunk: string): void => {
      text += chunk
      if (text.length > longestRequest) return finish(null)
      const end = text.indexOf('\n')
      if (end < 0) return
      try {
        const request: unknown = JSON.parse(text.slice(0, end))
        finish(Check(HookRequest, request) ? request : null)
      } catch {
        // Not JSON: treated like no request.
        finish(null)
      }
    }
    socket.setEncoding('utf8').on('data', add)
    socket.once('close', () => finish(null))
  })
}

async function answer(socket: Socket, handle: (call: HookCall) => Promise<number>): Promise<void> {
  const request = await readRequest(socket)
  if (socket.destroyed) return
  const send = (reply: HookReply): boolean => socket.writable && socket.write(`${JSON.stringify(reply)}\n`)
  const gone = new AbortController()
  socket.once('close', () => gone.abort(new Error('git ended before the push was decided')))
  let leftOut = 0
  const show = (text: string): void => {
    // A client that reads its output more slowly than the build produces it must not fill our memory.
    if (socket.writableLength > longestBacklog) {
      leftOut++
      return
    }
    if (leftOut > 0) send({ text: `[${leftOut} lines left out: the connection is slower than the output]\n` })
    leftOut = 0
    send({ text })
  }
  if (request === null) {
    show('The platform received an invalid request from its own git hook; nothing was changed.\n')
    send({ exit: 1 })
  } else {
    send({ exit: await handle({ request, show, gone: gone.signal }) })
  }
  socket.end()
}

async function socketFolder(folder: string): Promise<string> {
  if (Buffer.byteLength(join(folder, 'hooks.sock')) > longestPath) return mkdtemp(join(tmpdir(), 'deis-git-'))
  await mkdir(folder, { recursive: true, mode: 0o700 })
  return folder
}

/** Listens in `folder`, or in a private folder for temporary files when that path is too long for a socket. */
export async function startHookServer(
  folder: string,
  handle: (call: HookCall) => Promise<number>,
): Promise<HookServer> {
  const own = await socketFolder(folder)
  const path = join(own, 'hooks.sock')
  // A killed controller leaves its socket behind; only one controller uses a data folder at a time.
  await rm(path, { force: true })
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    // 'close' follows when a hook died.
    socket.on('error', () => socket.destroy())
    answer(socket, handle).catch(() => socket.destroy())
  })
  server.listen(path)
  await once(server, 'listening')
  return {
    path,
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
      await rm(own, { recursive: true, force: true })
    },
  }
}
