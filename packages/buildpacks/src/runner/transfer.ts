// How are source, cache and results transferred between a build's pod and the controller? By HTTP, or as files of the pod that
// the controller takes from it afterwards (`file:`).
import { constants, createReadStream, createWriteStream } from 'node:fs'
import { copyFile, writeFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const attempts = 20
const pauseMs = 500

const reasonOf = (error: unknown): string => {
  const { message, cause } = error as Error
  return cause instanceof Error ? cause.message : message
}

/** A fresh pod's network may need a moment: what never reached the controller is sent again. */
async function reach(what: string, send: () => Promise<Response>, signal: AbortSignal): Promise<Response> {
  for (let left = attempts; ; left--) {
    let response
    try {
      response = await send()
    } catch (error) {
      signal.throwIfAborted()
      const code = ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code ?? ''
      const again = /^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|UND_ERR_CONNECT_TIMEOUT)$/.test(code)
      if (left <= 1 || !again)
        throw new Error(`The controller could not be reached for ${what}: ${reasonOf(error)}.`, { cause: error })
      await sleep(pauseMs, undefined, { signal })
      continue
    }
    if (response.ok) return response
    throw new Error(`The controller answered ${response.status} for ${what}.`)
  }
}

export async function fetchStream(what: string, url: string, signal: AbortSignal): Promise<Readable> {
  const { body } = await reach(what, () => fetch(url, { signal }), signal)
  if (!body) throw new Error(`The controller sent nothing for ${what}.`)
  return Readable.fromWeb(body)
}

export async function fetchText(what: string, url: string, signal: AbortSignal): Promise<string> {
  return (await reach(what, () => fetch(url, { signal }), signal)).text()
}

export async function fetchFile(what: string, url: string, file: string, signal: AbortSignal): Promise<void> {
  await pipeline(await fetchStream(what, url, signal), createWriteStream(file, { mode: 0o600 }), { signal })
}

/** Null: it is not one. */
const localFile = (url: string): string | null => (url.startsWith('file:') ? fileURLToPath(url) : null)

export async function sendText(what: string, url: string, text: string, signal: AbortSignal): Promise<void> {
  const local = localFile(url)
  if (local !== null) return writeFile(local, text)
  await reach(what, () => fetch(url, { method: 'PUT', body: text, signal }), signal)
}

export async function sendFile(what: string, url: string, file: string, signal: AbortSignal): Promise<void> {
  const local = localFile(url)
  if (local !== null) return copyFile(file, local, constants.COPYFILE_FICLONE)
  const send = (): Promise<Response> =>
    fetch(url, {
      method: 'PUT',
      body: Readable.toWeb(createReadStream(file)) as ReadableStream,
      duplex: 'half',
      signal,
    })
  await reach(what, send, signal)
}
