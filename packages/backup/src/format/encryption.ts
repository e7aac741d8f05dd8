// How is a stream encrypted and decrypted in the format of age (https://age-encryption.org/v1)?
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { DeisError } from '@deis/types'
import { Decrypter, Encrypter } from 'age-encryption'

/** Whom a backup is encrypted for. */
export type Encryption =
  | { readonly kind: 'none' }
  | { readonly kind: 'keys'; readonly recipients: readonly string[] }
  | { readonly kind: 'passphrase'; readonly passphrase: string }

/** What a backup may be decrypted with. */
export type Opening = { readonly identities: readonly string[]; readonly passphrase: string | null }

export const magic = 'age-encryption.org/v1'

export async function encrypted(source: Readable, encryption: Encryption): Promise<Readable> {
  if (encryption.kind === 'none') return source
  const encrypter = new Encrypter()
  if (encryption.kind === 'passphrase') encrypter.setPassphrase(encryption.passphrase)
  else for (const recipient of encryption.recipients) encrypter.addRecipient(recipient)
  const stream = await encrypter.encrypt(Readable.toWeb(source) as globalThis.ReadableStream<Uint8Array>)
  return Readable.fromWeb(stream as ReadableStream<Uint8Array>)
}

function cannotOpen({ identities, passphrase }: Opening): DeisError {
  if (passphrase !== null) return new DeisError('invalid', 'The passphrase does not open this backup.')
  if (identities.length > 0) return new DeisError('invalid', 'The key does not open this backup.')
  return new DeisError('invalid', 'The backup is encrypted.', {
    hint: 'Use --identity FILE with the private key, or --passphrase-file FILE.',
  })
}

const isCutOrDamaged = (cause: unknown): DeisError =>
  new DeisError('invalid', 'The backup is cut off or damaged: it does not decrypt.', { cause })

/** `failure`: what the source itself failed with; that is not about the encryption. @throws DeisError, also while it is read. */
export async function decrypted(source: Readable, opening: Opening, failure: () => unknown): Promise<Readable> {
  const decrypter = new Decrypter()
  if (opening.passphrase !== null) decrypter.addPassphrase(opening.passphrase)
  for (const identity of opening.identities) decrypter.addIdentity(identity)
  if (opening.passphrase === null && opening.identities.length === 0) throw cannotOpen(opening)
  // The stream that reads it has the error, too.
  source.on('error', () => {})
  try {
    const stream = await decrypter.decrypt(Readable.toWeb(source) as globalThis.ReadableStream<Uint8Array>)
    const plain = Readable.fromWeb(stream as ReadableStream<Uint8Array>)
    return Readable.from(
      (async function* () {
        try {
          yield* plain as AsyncIterable<Uint8Array>
        } catch (error) {
          throw failure() ?? isCutOrDamaged(error)
        }
      })(),
      { objectMode: false },
    )
  } catch (error) {
    source.destroy()
    const failed = failure()
    if (failed !== null) throw failed
    if (/no identity matched/.test((error as Error).message)) throw cannotOpen(opening)
    throw isCutOrDamaged(error)
  }
}
