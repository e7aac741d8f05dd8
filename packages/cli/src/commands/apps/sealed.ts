// How is an archive encrypted with a passphrase? In the format of age, so that `age -d` reads it without us.
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { DeisError, messageOf } from '@deis/types'
import type { Download } from '../../http/archive.ts'
import { fileError } from '../../profile/files.ts'
import { askHidden } from '../../terminal/ask.ts'
import type { Io } from '../../terminal/io.ts'

/** With what every file of age begins. */
const firstLine = Buffer.from('age-encryption.org/v1\n')
/** As many of a file's bytes as are needed to look. */
export const sealedBytes = firstLine.length

export const isSealed = (start: Buffer): boolean => start.subarray(0, firstLine.length).equals(firstLine)

export type PassphraseOptions = { readonly passphrase?: boolean; readonly passphraseFile?: string }

const fileFlag = '--passphrase-file'

/** From the file, or typed: never from an argument, which other users of the machine could read. */
export async function readPassphrase(io: Io, file: string | undefined, isNew: boolean): Promise<string> {
  if (file !== undefined) {
    const text = await readFile(resolve(io.cwd, file), 'utf8').catch((error: unknown) => {
      throw fileError('open', file, error)
    })
    const [line = ''] = text.split(/\r?\n/, 1)
    if (line !== '') return line
    throw new DeisError('usage', `The first line of ${file} is empty; it must be the passphrase.`)
  }
  const typed = await askHidden(io, 'passphrase:', fileFlag)
  if (typed === '') throw new DeisError('usage', 'The passphrase must not be empty.')
  if (isNew && (await askHidden(io, 'passphrase (confirm):', fileFlag)) !== typed)
    throw new DeisError('usage', 'The two passphrases differ, so nothing was exported.')
  return typed
}

const toWeb = (content: Readable): ReadableStream<Uint8Array> => Readable.toWeb(content) as ReadableStream<Uint8Array>

type Sized = ReadableStream<Uint8Array> & { size(bytes: number): number }

export async function seal({ bytes, content }: Download, passphrase: string): Promise<Download> {
  const { Encrypter } = await import('age-encryption')
  const encrypter = new Encrypter()
  encrypter.setPassphrase(passphrase)
  const sealed = (await encrypter.encrypt(toWeb(content) as never)) as unknown as Sized
  return { bytes: sealed.size(bytes), content: Readable.fromWeb(sealed) }
}

/** @throws DeisError usage for another passphrase; what is damaged fails as it is read */
export async function unseal({ bytes, content }: Download, passphrase: string, shown: string): Promise<Download> {
  const { Decrypter } = await import('age-encryption')
  const decrypter = new Decrypter()
  decrypter.addPassphrase(passphrase)
  let opened: Sized
  try {
    opened = (await decrypter.decrypt(toWeb(content) as never)) as unknown as Sized
  } catch (error) {
    throw new DeisError(
      'usage',
      `${shown} cannot be decrypted: the passphrase is another one, or the file is damaged.`,
      {
        hint: `age says: ${messageOf(error)}`,
        cause: error,
      },
    )
  }
  return { bytes: opened.size(bytes), content: Readable.fromWeb(opened) }
}
