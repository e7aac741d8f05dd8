// What does a command of backups need of its process?

export type Io = {
  out(line: string): void
  error(line: string): void
  /** For terminals. */
  red(text: string): string
  readonly cwd: string
  readonly now: () => Date
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal
}
