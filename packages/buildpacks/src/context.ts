// What does a step of a build have at hand: folders, commands that run as the app's user, and a voice?
import type { Archiver } from '@deis/machine/archive'
import { BuildFailure } from '@deis/ports/builder'
import type { AppFiles } from './files.ts'
import type { BuildOutput } from './output.ts'
import type { Run } from './run.ts'
import type { Workspace } from './workspace.ts'

export type Kit = {
  readonly workspace: Workspace
  readonly files: AppFiles
  readonly output: BuildOutput
  readonly archiver: Archiver
  readonly config: Readonly<Record<string, string>>
  readonly env: Readonly<Record<string, string>>
  readonly signal: AbortSignal
  /** Runs a command with its output shown; the exit code. */
  show(command: string, args: readonly string[], more?: More): Promise<number>
  /** Runs a command that must end with 0; shown. `what` names it when it does not. */
  must(what: string, command: string, args: readonly string[], more?: More): Promise<void>
  /** Runs a command for what it prints (at most 64 KiB, unless said otherwise). */
  capture(command: string, args: readonly string[], more?: More): Promise<Captured>
  /** Writes a file of the app as the app's user: whatever link is in the way, it leads no further than that user may go. */
  write(path: string, text: string): Promise<void>
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

export function createKit(base: Omit<Kit, 'show' | 'must' | 'capture' | 'write'>, run: Run, shell: string): Kit {
  const settings = (more: More): { cwd: string; env: Record<string, string>; input?: string } => ({
    cwd: more.cwd ?? base.workspace.app,
    env: { ...base.env, ...more.env },
    input: more.input,
  })
  const kit: Kit = {
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
      const code = await kit.show(command, args, more)
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
    async write(path, text) {
      const script = 'case "$1" in */*) mkdir -p "${1%/*}";; esac && cat >"$1"'
      const { code, stderr } = await kit.capture(shell, ['-c', script, 'write', `./${path}`], { input: text })
      if (code !== 0) throw new BuildFailure(`${path} could not be written: ${stderr.trim()}`)
    },
  }
  return kit
}
