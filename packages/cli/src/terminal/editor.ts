// How does a user edit a text in the editor of their choice?
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DeisError } from '@deis/types'
import type { Io } from './io.ts'

const mostBytes = 2 * 1024 * 1024

/** `code --wait` is a program and an argument. */
function editorOf({ env }: Pick<Io, 'env'>): readonly string[] {
  const words = (env['VISUAL'] || env['EDITOR'] || 'vi').split(/\s+/).filter((word) => word !== '')
  return words.length > 0 ? words : ['vi']
}

/** Ends when the editor does. Ctrl-C is the editor's own. */
function runEditor(io: Io, [program = 'vi', ...args]: readonly string[], path: string): Promise<void> {
  const release = io.takeInterrupts(() => {})
  return new Promise<void>((resolve, reject) => {
    const child = spawn(program, [...args, path], { cwd: io.cwd, env: io.env, stdio: 'inherit', signal: io.signal })
    const fail = (why: string, cause?: Error): void =>
      reject(
        new DeisError('usage', `The editor "${program}" ${why}, so nothing was changed.`, {
          hint: 'Set EDITOR to the editor that you want.',
          cause,
        }),
      )
    child.on('error', (error: NodeJS.ErrnoException) =>
      io.signal.aborted ? reject(error) : fail(error.code === 'ENOENT' ? 'was not found' : error.message, error),
    )
    child.on('close', (code, signal) => (code === 0 ? resolve() : fail(`ended with ${signal ?? `code ${code}`}`)))
  }).finally(release)
}

/** Lets the user edit `text` until `isDone` accepts what they saved. The file is in a folder that only they can read, and is gone afterwards. */
export async function edit(
  io: Io,
  text: string,
  name: string,
  isDone: (edited: string) => Promise<boolean>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'deis-edit-'))
  const path = join(folder, name)
  try {
    await writeFile(path, text, { mode: 0o600 })
    for (;;) {
      await runEditor(io, editorOf(io), path)
      if ((await stat(path)).size > mostBytes)
        throw new DeisError('usage', `The text has more than ${mostBytes} bytes, so nothing was changed.`)
      if (await isDone(await readFile(path, 'utf8'))) return
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
