// How do git's hooks reach the controller that runs the push? git is started with a socket, which its hooks inherit: nobody else has
// it. The pre-receive hook writes, each with a zero after it: GIT_QUARANTINE_PATH, GIT_OBJECT_DIRECTORY,
// GIT_ALTERNATE_OBJECT_DIRECTORIES, the number of push options, the options, and git's list of updates. It reads lines: a space and
// what to show, or a plus sign and how many bytes follow to show, and at the end its exit code.
import { isUtf8 } from 'node:buffer'
import type { ChildProcess } from 'node:child_process'
import { access, chmod, constants, mkdir, rename, writeFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import preReceive from './programs/pre-receive.sh'
import update from './programs/update.sh'
import { longestUpdates, tooManyRefs } from './refs.ts'

export type HookRequest = {
  /** Lines `<before> <after> <ref>`. */
  readonly updates: string
  readonly options: readonly string[]
  /** GIT_QUARANTINE_PATH, GIT_OBJECT_DIRECTORY and GIT_ALTERNATE_OBJECT_DIRECTORIES. */
  readonly quarantine: Readonly<Record<string, string>>
}

export type HookCall = {
  readonly request: HookRequest
  readonly show: (text: string) => void
  /** Aborted when git ends before it was answered: its push cannot succeed any more. */
  readonly gone: AbortSignal
}

/** Of git's descriptors: the hooks' socket. */
const hookDescriptor = 3

const mostOptions = 100
const longestText = 8192
const longestRequest = longestUpdates + (mostOptions + 4) * longestText
const longestBacklog = 4_194_304
/** A shell reads lines byte by byte: longer text is for a program that does not. */
const longestLines = 4096
const requestMs = 30_000
const invalid = 'The platform received an invalid request from its own git hook; nothing was changed.'

/** Writes the two fixed scripts all repositories share. */
export async function writeHooks(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o755 })
  for (const [name, script] of Object.entries({ 'pre-receive': preReceive, update })) {
    const file = join(folder, name)
    await writeFile(`${file}.new`, `#!/bin/sh\n${script}`)
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

/** Null: there is more to come. @throws Error with what to show */
function parse(bytes: Buffer): HookRequest | null {
  const [path = '', objects = '', alternates = '', count, ...rest] = bytes.toString('utf8').split('\0')
  if (count === undefined || rest.length === 0) return null
  // The end of the last text is followed by nothing.
  const options = rest.slice(0, Number(count))
  const isLong = ({ length }: string): boolean => length > longestText
  if (!/^\d{1,9}$/.test(count) || [path, objects, alternates].some(isLong)) throw new Error(invalid)
  if (Number(count) > mostOptions) throw new Error(`A push may have at most ${mostOptions} options (git push -o).`)
  if (options.some(isLong)) throw new Error(`A push option may have at most ${longestText} characters (git push -o).`)
  // Refs that are only alike would be taken for each other.
  if (!isUtf8(bytes)) throw new Error('Names of branches and tags, and push options, must be UTF-8.')
  if (rest.length < Number(count) + 2) return null
  const updates = rest[Number(count)] ?? ''
  if (updates.length > longestUpdates) throw new Error(tooManyRefs)
  const quarantine = {
    GIT_QUARANTINE_PATH: path,
    GIT_OBJECT_DIRECTORY: objects,
    GIT_ALTERNATE_OBJECT_DIRECTORIES: alternates,
  }
  return { updates, options, quarantine }
}

/** Null: git has ended without. Whatever comes after it is read as well, so that the hook goes on. @throws Error with what to show */
function readRequest(socket: Socket): Promise<HookRequest | null> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    let over = false
    let deadline: NodeJS.Timeout | undefined
    const finish = (work: () => void): void => {
      clearTimeout(deadline)
      over = true
      chunks.length = 0
      work()
    }
    socket.on('data', (chunk: Buffer) => {
      if (over) return
      deadline ??= setTimeout(() => finish(() => reject(new Error(invalid))), requestMs)
      chunks.push(chunk)
      size += chunk.length
      if (size > longestRequest) return finish(() => reject(new Error(tooManyRefs)))
      if (chunk.at(-1) !== 0) return
      try {
        const request = parse(Buffer.concat(chunks))
        if (request !== null) finish(() => resolve(request))
      } catch (error) {
        finish(() => reject(error))
      }
    })
    socket.once('close', () => finish(() => resolve(null)))
  })
}

/** Of text that ends with a line's end. */
const asLines = (text: string): string => ` ${text.slice(0, -1).replaceAll('\n', '\n ')}\n`

type Shown = { show(text: string): void; end(code: number): void }

/** What comes while the hook is still busy with what was before is passed to it at once. */
function showing(socket: Socket): Shown {
  let waiting = ''
  let isBusy = false
  let leftOut = 0
  const send = (): void => {
    const text = waiting
    if (text === '' || !socket.writable) return
    waiting = ''
    isBusy = true
    const size = Buffer.byteLength(text)
    socket.write(size > longestLines ? `+${size}\n${text}` : asLines(text), () => {
      isBusy = false
      send()
    })
  }
  return {
    show(text) {
      // A client that reads its output more slowly than the build produces it must not fill our memory.
      if (waiting.length + socket.writableLength > longestBacklog) {
        leftOut++
        return
      }
      if (leftOut > 0) waiting += `[${leftOut} lines left out: the connection is slower than the output]\n`
      leftOut = 0
      waiting += text.endsWith('\n') ? text : `${text}\n`
      if (!isBusy) send()
    },
    end(code) {
      send()
      socket.end(`${code}\n`)
    },
  }
}

async function answer(socket: Socket, handle: (call: HookCall) => Promise<number>): Promise<void> {
  const { show, end } = showing(socket)
  const gone = new AbortController()
  socket.once('close', () => gone.abort(new Error('git ended before the push was decided')))
  const request = await readRequest(socket).catch((error: Error) => error)
  if (request === null) return
  if (request instanceof Error) show(request.message)
  end(request instanceof Error ? 1 : await handle({ request, show, gone: gone.signal }))
}

/** Answers the hook of a git that was started with a socket for it. */
export function answerHook(git: ChildProcess, handle: (call: HookCall) => Promise<number>): void {
  const socket = git.stdio[hookDescriptor] as Socket
  // 'close' follows when git has ended.
  socket.on('error', () => socket.destroy())
  answer(socket, handle).catch(() => socket.destroy())
}
