// How does a phase of the stand-in lifecycle end with the code and text that the real one has?

/** `message` is what follows `ERROR: `. */
export class Exit extends Error {
  readonly code: number
  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

export const say = (line: string): void => void process.stdout.write(`${line}\n`)
export const warn = (line: string): void => say(`Warning: ${line}`)
