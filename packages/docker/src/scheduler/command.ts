// How does a short command run in a container that is up, and what did it print?
import { Type } from 'typebox'
import type { Client } from '../engine/client.ts'
import { demux } from '../engine/demux.ts'

const Made = Type.Object({ Id: Type.String() })
const Asked = Type.Object({
  Running: Type.Boolean(),
  ExitCode: Type.Optional(Type.Union([Type.Number(), Type.Null()])),
})
const maxText = 1000
/** The code of a command is known a moment after its output has ended. */
const polls = 40
const pollMs = 50

export const execCode = async (engine: Client, id: string, signal: AbortSignal): Promise<number | null> => {
  for (let tries = 0; tries < polls; tries++) {
    const call = { method: 'GET', path: `/exec/${id}/json` } as const
    const { Running, ExitCode } = await engine.read('looking at a command', Asked, call, signal)
    if (!Running && typeof ExitCode === 'number') return ExitCode
    await new Promise((resolve) => setTimeout(resolve, pollMs))
  }
  return null
}

export const createExec = async (
  engine: Client,
  container: string,
  body: { readonly Cmd: readonly string[] } & Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<string> => {
  const call = { method: 'POST', path: `/containers/${container}/exec`, body } as const
  return (await engine.read('starting a command in a container', Made, call, signal)).Id
}

/** `code`: null if it is not known. */
export async function runCommand(
  engine: Client,
  container: string,
  command: readonly string[],
  signal: AbortSignal,
): Promise<{ code: number | null; text: string }> {
  const id = await createExec(engine, container, { Cmd: command, AttachStdout: true, AttachStderr: true }, signal)
  const socket = await engine.hijack(
    'running a command in a container',
    { method: 'POST', path: `/exec/${id}/start`, body: { Detach: false, Tty: false } },
    signal,
  )
  let text = ''
  try {
    for await (const { bytes } of demux(socket as AsyncIterable<Buffer>))
      if (text.length < maxText) text += bytes.toString('utf8')
  } finally {
    socket.destroy()
  }
  return { code: await execCode(engine, id, signal), text: text.trim().slice(0, maxText) }
}
