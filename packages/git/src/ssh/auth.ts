// Which user is at the other end of an ssh connection?
import { createHash, createPublicKey } from 'node:crypto'
import type { AuthContext, ParsedKey, PublicKeyAuthContext } from 'ssh2'
import ssh2 from 'ssh2'

const accepted: ReadonlySet<string> = new Set([
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'ssh-rsa',
])

/** As `ssh-keygen -l` prints it. */
export function fingerprint(blob: Buffer): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=$/, '')}`
}

function isStrongRsa(key: ParsedKey): boolean {
  try {
    const bits = createPublicKey(key.getPublicPEM()).asymmetricKeyDetails?.modulusLength ?? 0
    return bits >= 2048 && bits <= 16_384
  } catch {
    // Not a valid key.
    return false
  }
}

function parsed(data: Buffer): ParsedKey | Error {
  try {
    return ssh2.utils.parseKey(data)
  } catch (error) {
    // It throws where it should return, for an RSA key without modulus for instance.
    return error as Error
  }
}

/** The offered key, if it is exactly what it claims to be and of an accepted kind. */
export function usableKey(offer: Pick<PublicKeyAuthContext, 'key' | 'hashAlgo'>): ParsedKey | null {
  const { algo, data } = offer.key
  if (!accepted.has(algo)) return null
  const key = parsed(data)
  // parseKey takes text and private keys too: only the very bytes that are looked up by fingerprint may count.
  if (key instanceof Error || key.isPrivateKey() || key.type !== algo || !key.getPublicSSH().equals(data)) return null
  // Without rsa-sha2-256 or -512 the signature would be SHA-1.
  if (algo === 'ssh-rsa' && (!offer.hashAlgo || !isStrongRsa(key))) return null
  return key
}

export type Verdict =
  | { readonly kind: 'rejected' }
  /** The key is known, but nothing is proven yet, so there is no user yet (CVE-2024-45337). */
  | { readonly kind: 'acceptable' }
  | { readonly kind: 'proven'; readonly username: string }

const rejected: Verdict = { kind: 'rejected' }

/** Checks one attempt by its own content alone: no state is kept between a query and a signature. */
export async function verify(
  attempt: AuthContext,
  identify: (fingerprint: string) => Promise<{ readonly username: string } | null>,
): Promise<Verdict> {
  if (attempt.method !== 'publickey') return rejected
  const key = usableKey(attempt)
  if (!key) return rejected
  const user = await identify(fingerprint(attempt.key.data))
  if (!user) return rejected
  if (!attempt.signature || !attempt.blob) return { kind: 'acceptable' }
  // verify() answers with an Error for malformed signatures: only true is true.
  const verified: unknown = key.verify(attempt.blob, attempt.signature, attempt.hashAlgo)
  return verified === true ? { kind: 'proven', username: user.username } : rejected
}
