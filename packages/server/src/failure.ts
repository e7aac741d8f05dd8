// What does a command of `deis-server` report that did not succeed, or was cancelled?

/** Of the user, or of the machine: printed without a stack. `hint` is what to do next, on a line of its own. */
export class Failure extends Error {
  readonly hint: string | undefined

  constructor(message: string, hint?: string, options?: ErrorOptions) {
    super(message, options)
    this.hint = hint
  }
}

/** A signal ended the command; `code` is its exit code. */
export class Cancelled extends Error {
  readonly code: number

  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super('cancelled')
    this.code = signal === 'SIGINT' ? 130 : 143
  }
}
