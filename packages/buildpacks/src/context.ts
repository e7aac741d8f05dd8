// What is available to a step of a build: folders, output, and commands that run as the app's user?
import type { Archiver } from '@deis/machine/archive'
import type { Paths } from '@deis/machine/folder'
import { BuildFailure } from '@deis/ports/builder'
import type { AppFiles } from './files.ts'
import type { BuildOutput } from './output.ts'
import type { Run } from './run.ts'
import type { Workspace } from './workspace.ts'

export type BuildContext = {
  readonly workspace: Workspace
  readonly files: AppFiles
  readonly output: BuildOutput
  readonly archiver: Archiver
  readonly config: Readonly<Record<string, string>>
  readonly env: Readonly<Record<string, string>>
  readonly signal: AbortSignal
  /** Runs a command and shows its output; resolves with the exit code. */
  show(command: string, args: readonly string[], more?: More): Promise<number>
  /** Runs a command that must exit with 0 and shows its output. `what` names it in the error. */
  must(what: string, command: string, args: readonly string[], more?: More): Promise<void>
  /** Runs a command and returns its output (at most 64 KiB, unless `limit` is set). */
  capture(command: string, args: readonly string[], more?: More): Promise<Captured>
  /** Writes a file of the app as the app's user: a link in its path leads only where that user may go. */
  write(path: string, text: string, mode?: 'executable'): Promise<void>
  /** Deletes a file or folder, if there is one, as the app's user. */
  remove(path: string): Promise<void>
}

export type More = {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly input?: string
  /** Only with capture: the most bytes to keep. */
  readonly limit?: number
}

/** `code` is null when the command could not be started. */
export type Captured = { readonly code: number | null; readonly stdout: string; readonly stderr: string }

const maxCaptured = 65_536

function collect(limit: number): { readonly add: (chunk: Buffer) => void; readonly text: () => string } {
  const chunks: Buffer[] = []
  let size = 0
  return {
    add(chunk) {
      if (size < limit) chunks.push(chunk)
      size += chunk.length
    },
    text: () => Buffer.concat(chunks).toString('utf8').slice(0, limit),
  }
}

export function createContext(
  base: Omit<BuildContext, 'show' | 'must' | 'capture' | 'write' | 'remove'>,
  run: Run,
  app: Paths,
): BuildContext {
  const settings = (more: More): { cwd: string; env: Record<string, string>; input?: string } => ({
    cwd: more.cwd ?? base.workspace.app,
    env: { ...base.env, ...more.env },
    input: more.input,
  })
  const context: BuildContext = {
    ...base,
    async show(command, args, more = {}) {
      const out = base.output.stream()
      const err = base.output.stream()
      try {
        return await run({ command, args, ...settings(more), stdout: out.write, stderr: err.write })
      } finally {
        out.end()
        err.end()
      }
    },
    async must(what, command, args, more = {}) {
      const code = await context.show(command, args, more)
      if (code !== 0) throw new BuildFailure(`${what} exited with code ${code}, stopping build.`, code)
    },
    async capture(command, args, more = {}) {
      const stdout = collect(more.limit ?? maxCaptured)
      const stderr = collect(maxCaptured)
      try {
        const code = await run({ command, args, ...settings(more), stdout: stdout.add, stderr: stderr.add })
        return { code, stdout: stdout.text(), stderr: stderr.text() }
      } catch (error) {
        if (!(error instanceof BuildFailure)) throw error
        return { code: null, stdout: '', stderr: error.message }
      }
    },
    async write(path, text, mode) {
      await app.write(path, text, mode).catch((error: unknown) => {
        throw new BuildFailure(`${path} could not be written: ${(error as Error).message}`)
      })
    },
    async remove(path) {
      await app.remove(path).catch((error: unknown) => {
        throw new BuildFailure(`${path} could not be removed: ${(error as Error).message}`)
      })
    },
  }
  return context
}
