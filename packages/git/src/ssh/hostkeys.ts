// Which host keys identify this server?
import { randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import ssh2 from 'ssh2'

const kinds = [
  { file: 'ssh_host_ed25519_key', make: () => ssh2.utils.generateKeyPairSync('ed25519') },
  { file: 'ssh_host_ecdsa_key', make: () => ssh2.utils.generateKeyPairSync('ecdsa', { bits: 256 }) },
]

export const hostKeyFiles: readonly string[] = kinds.map(({ file }) => file)

function problemWith(text: string | Buffer): string | null {
  const key = ssh2.utils.parseKey(text)
  if (key instanceof Error) return key.message
  return key.isPrivateKey() ? null : 'it is not a private key'
}

function freshKey(make: () => { private: string }): string {
  // ssh2 1.17 makes an unreadable ed25519 key about once in 200 times.
  for (let tries = 0; tries < 20; tries++) {
    const text = make().private
    if (problemWith(text) === null) return text
  }
  throw new Error('no usable ssh host key could be generated')
}

async function read(file: string): Promise<Buffer | null> {
  try {
    return await readFile(file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

/** The private host keys of a folder; those that are missing are made first. A damaged one is an error, never replaced. */
export async function hostKeys(folder: string): Promise<Buffer[]> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const keys: Buffer[] = []
  for (const { file, make } of kinds) {
    const path = join(folder, file)
    if ((await read(path)) === null) {
      const draft = `${path}.${randomBytes(6).toString('hex')}`
      await writeFile(draft, freshKey(make), { mode: 0o600, flag: 'wx' })
      // Renamed when complete, so that a crash does not leave half a key behind.
      await rename(draft, path)
    }
    const key = await readFile(path)
    const problem = problemWith(key)
    if (problem !== null)
      throw new Error(`ssh host key "${path}" cannot be used: ${problem}. Restore it, or delete it to get a new one.`)
    keys.push(key)
  }
  return keys
}

/** `<type> <base64>` of each, as in known_hosts. */
export function publicParts(keys: readonly Buffer[]): string[] {
  return keys.map((text) => {
    const key = ssh2.utils.parseKey(text)
    if (key instanceof Error) throw key
    return `${key.type} ${key.getPublicSSH().toString('base64')}`
  })
}
