// How does a command get one input and two outputs without a terminal?
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { closeSync, constants, openSync, rmSync } from 'node:fs'
import { chown } from 'node:fs/promises'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { startConfined } from '@deis/machine/confine'
import { groupMembers, signalGroup } from '@deis/machine/pid'
import type { RunAs } from '@deis/machine/accounts'
import type { SessionIo } from '@deis/ports/scheduler'
import type { Attached } from './attached.ts'
import { checkEnv, type CommandOptions, orderOf } from './launch.ts'

const run = promisify(execFile)
const names = ['stdin', 'stdout', 'stderr'] as const

/** One pipe, `ours` never blocks and `theirs` does, as programs expect it. */
function openPipe(file: string, reads: boolean): { readonly ours: number; readonly theirs: number } {
  const { O_RDONLY, O_WRONLY, O_RDWR, O_NONBLOCK } = constants
  // While both ends are open, opening one does not wait for the other.
  const both = openSync(file, O_RDWR | O_NONBLOCK)
  try {
    const theirs = openSync(file, reads ? O_RDONLY : O_WRONLY)
    return { theirs, ours: openSync(file, (reads ? O_WRONLY : O_RDONLY) | O_NONBLOCK) }
  } finally {
    closeSync(both)
  }
}

/**
 * Named pipes, whose names are removed at once: node's own are sockets, which programs cannot open as /dev/stdout. Only the
 * platform may write to `folder`.
 */
async function openPipes(folder: string, owner: RunAs | null): Promise<ReturnType<typeof openPipe>[]> {
  const id = randomUUID()
  const files = names.map((name) => join(folder, `${id}.${name}`))
  const opened: ReturnType<typeof openPipe>[] = []
  try {
    await run('mkfifo', ['-m', '600', '--', ...files])
    if (owner) await Promise.all(files.map((file) => chown(file, owner.uid, owner.gid)))
    for (const file of files) opened.push(openPipe(file, file === files[0]))
    return opened
  } catch (error) {
    for (const { ours, theirs } of opened) for (const one of [ours, theirs]) closeSync(one)
    throw error
  } finally {
    for (const file of files) rmSync(file, { force: true })
  }
}

async function deliver(socket: Socket, from: 'stdout' | 'stderr', io: SessionIo): Promise<void> {
  for await (const chunk of socket) await io.output(from, chunk as Buffer)
}

/** `members`: further processes that belong to it, besides its group. */
export async function attachPipes(
  options: CommandOptions,
  folder: string,
  io: SessionIo,
  members: () => Promise<readonly number[]>,
): Promise<Attached> {
  checkEnv(options.env)
  const pipes = await openPipes(folder, options.runAs)
  const [input, output, errors] = pipes.map(({ ours }, index) => {
    const reads = index > 0
    return new Socket({ fd: ours, readable: reads, writable: !reads })
  }) as [Socket, Socket, Socket]
  const release = (): void => void [input, output, errors].map((socket) => socket.destroy())
  // Reads and writes report errors themselves; later errors do not matter.
  for (const socket of [input, output, errors]) socket.on('error', () => {})
  try {
    const [theirIn, theirOut, theirErr] = pipes.map(({ theirs }) => theirs) as [number, number, number]
    const started = await startConfined(options.isolation, orderOf(options), [theirIn, theirOut, theirErr])
    const { identity, exited: ended } = started
    const group = identity.pid
    // A command need not read all of it, or any.
    if (io.input) pipeline(io.input, input).catch(() => {})
    else input.end()
    const delivered = Promise.all([deliver(output, 'stdout', io), deliver(errors, 'stderr', io)])
    delivered.catch(() => {})
    let over = false
    void ended.then(() => (over = true))
    return {
      process: { identity, started: new Date(), exited: ended },
      // Output that cannot be delivered ends the session.
      ended: Promise.race([ended, delivered.then(() => ended)]),
      processes: async () => [...new Set([...(await groupMembers(group)), ...(await members())])],
      drain: async () => void (await delivered),
      resize: () => {},
      async kill(name) {
        if (!over) signalGroup(group, `SIG${name}`)
      },
      release,
    }
  } catch (error) {
    release()
    throw error
  } finally {
    for (const { theirs } of pipes) closeSync(theirs)
  }
}
