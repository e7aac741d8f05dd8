// Which plugin runs an unknown command (docs/contract/cli.md §1.5)?
import { spawn } from 'node:child_process'
import { constants as fsConstants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { constants } from 'node:os'
import { delimiter, join } from 'node:path'
import type { Io } from '../terminal/io.ts'

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, fsConstants.X_OK)
    return (await stat(path)).isFile()
  } catch {
    // Not there, or not permitted: try the next folder.
    return false
  }
}

/** `deis-<topic>` in PATH. */
export async function findPlugin(topic: string, io: Pick<Io, 'env'>): Promise<string | null> {
  if (!/^[\w.-]+$/.test(topic)) return null
  for (const folder of (io.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, `deis-${topic}`)
    if (folder !== '' && (await isProgram(path))) return path
  }
  return null
}

/** Runs it on the same terminal; returns its exit code, or 128 + n when signal n ended it. */
export function runPlugin(path: string, args: readonly string[], io: Io): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(path, args, { cwd: io.cwd, env: io.env, stdio: 'inherit' })
    const forward = (): void => void child.kill(io.signal.reason === 'SIGINT' ? 'SIGINT' : 'SIGTERM')
    io.signal.addEventListener('abort', forward)
    child.on('error', reject)
    child.on('close', (code, signal) => {
      io.signal.removeEventListener('abort', forward)
      resolve(code ?? 128 + (signal ? constants.signals[signal] : 0))
    })
  })
}
