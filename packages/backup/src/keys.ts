// Whom is a backup encrypted for, and with which keys is one read?
import { readFile, stat } from 'node:fs/promises'
import { Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption'
import type { BackupSettings } from '@deis/controller/config-backup'
import { DeisError, messageOf } from '@deis/types'
import type { Encryption, Opening } from './format/encryption.ts'

const longestFile = 65_536
const shortestPassphrase = 12

async function readSecret(file: string, what: string): Promise<string> {
  try {
    if ((await stat(file)).size > longestFile) throw new Error(`it is larger than ${longestFile} bytes`)
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new DeisError('invalid', `The ${what} could not be read from "${file}": ${messageOf(error)}.`, {
      cause: error,
    })
  }
}

/** The first line: editors end files with a line break. */
async function readPassphrase(file: string): Promise<string> {
  const found = await stat(file).catch(() => null)
  if (found !== null && (found.mode & 0o004) !== 0)
    throw new DeisError('invalid', `Every user of this machine can read the passphrase in "${file}".`, {
      hint: `Close it, and use a new passphrase if others may have read it: chmod 600 ${file}`,
    })
  return (await readSecret(file, 'passphrase')).split(/\r?\n/, 1)[0] ?? ''
}

function refuseShort(passphrase: string, file: string): void {
  if (passphrase.length < shortestPassphrase)
    throw new DeisError('invalid', `The passphrase in "${file}" has less than ${shortestPassphrase} characters.`, {
      hint: 'Use a longer one, such as the output of: openssl rand -base64 24',
    })
}

/** As `age-keygen` writes them, with comments. */
async function readIdentities(file: string): Promise<string[]> {
  const lines = (await readSecret(file, 'key')).split('\n').map((line) => line.trim())
  const found = lines.filter((line) => line.startsWith('AGE-SECRET-KEY-'))
  if (found.length === 0)
    throw new DeisError('invalid', `There is no private key of age in "${file}".`, {
      hint: 'It is a line that begins with AGE-SECRET-KEY-1.',
    })
  return found
}

/**
 * How a backup is encrypted, and how its proof reads it. With keys, the proof has one of its own that exists in this process
 * only: the private key of the operator never has to be on this machine.
 */
export async function encryptionOf({
  recipients,
  passphraseFile,
}: Pick<BackupSettings, 'recipients' | 'passphraseFile'>): Promise<{ encryption: Encryption; opening: Opening }> {
  if (passphraseFile !== '') {
    const passphrase = await readPassphrase(passphraseFile)
    refuseShort(passphrase, passphraseFile)
    return { encryption: { kind: 'passphrase', passphrase }, opening: { identities: [], passphrase } }
  }
  if (recipients.length === 0) return { encryption: { kind: 'none' }, opening: { identities: [], passphrase: null } }
  for (const recipient of recipients) checkRecipient(recipient)
  const identity = await generateX25519Identity()
  return {
    encryption: { kind: 'keys', recipients: [...recipients, await identityToRecipient(identity)] },
    opening: { identities: [identity], passphrase: null },
  }
}

function checkRecipient(recipient: string): void {
  try {
    new Encrypter().addRecipient(recipient)
  } catch (error) {
    throw new DeisError('invalid', `"${recipient}" is not a public key of age: ${messageOf(error)}.`, {
      hint: 'Make a key with: deis-server backup-key FILE',
      cause: error,
    })
  }
}

export type KeyFiles = { readonly identity?: string; readonly passphraseFile?: string }

export async function openingOf({ identity, passphraseFile }: KeyFiles): Promise<Opening> {
  return {
    identities: identity === undefined ? [] : await readIdentities(identity),
    passphrase: passphraseFile === undefined ? null : await readPassphrase(passphraseFile),
  }
}

/** A new key: the private one for a file, the public one for DEIS_BACKUP_RECIPIENTS. */
export async function newKey(now: Date): Promise<{ file: string; recipient: string }> {
  const identity = await generateX25519Identity()
  const recipient = await identityToRecipient(identity)
  return { file: `# created: ${now.toISOString()}\n# public key: ${recipient}\n${identity}\n`, recipient }
}
