// How are a container's input and output reached by a session? Channels have Kubernetes' numbers.

export const channels = { input: 0, stdout: 1, stderr: 2, status: 3, size: 4, close: 255 } as const

/** `code` is null if the command could not be run, or its end is unknown: `message` says why. */
export type Outcome = { readonly code: number | null; readonly message: string }

export type SessionSocket = {
  /** Whether the input can be ended while the output goes on. */
  readonly endsInput: boolean
  /** Resolves when more can be sent, or the connection is closed. */
  send(channel: number, bytes: Buffer): Promise<void>
  /** Ends the input. With a protocol that cannot, closes the connection when all input has arrived. */
  endInput(): void
  /** Resolves when all output was passed on. Null: the connection was closed, or lost, without a reason. */
  readonly closed: Promise<Outcome | null>
  destroy(): void
}

/** No more is read until the promise resolves. */
export type Take = (channel: number, chunk: Buffer) => Promise<void>
