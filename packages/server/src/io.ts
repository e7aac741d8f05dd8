// What of its process do the commands of `deis-server` use?

export type Io = {
  /** A line, without its end. */
  readonly out: (line: string) => void
  readonly err: (line: string) => void
  readonly env: Readonly<Record<string, string | undefined>>
  /** Aborted when the program is asked to end. */
  readonly signal: AbortSignal
}
