// How is a certificate named when its CA is asked when to renew it (RFC 9773 §4.1)?
import { X509Certificate } from 'node:crypto'

/** The object identifier 2.5.29.35, as it is in a certificate. */
const authorityKey = Buffer.from([0x06, 0x03, 0x55, 0x1d, 0x23])

/** The content of a DER value with a short length (all here are). Null: it is not of that tag. */
function contentAt(der: Buffer, at: number, tag: number): { from: number; to: number } | null {
  const length = der[at + 1]
  if (der[at] !== tag || length === undefined || length > 127) return null
  const to = at + 2 + length
  return to <= der.length ? { from: at + 2, to } : null
}

/** Null: the certificate does not say which key signed it. */
function authorityKeyOf(der: Buffer): Buffer | null {
  const found = der.indexOf(authorityKey)
  if (found < 0) return null
  const octets = contentAt(der, found + authorityKey.length, 0x04)
  const sequence = octets && contentAt(der, octets.from, 0x30)
  const key = sequence && contentAt(der, sequence.from, 0x80)
  return key ? der.subarray(key.from, key.to) : null
}

/** The bytes of a positive number in DER: with a leading zero where the first bit is set. */
function serialBytes(hex: string): Buffer {
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex')
  return (bytes[0] ?? 0) > 127 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes
}

export function certIdOf(pem: string): string | null {
  const { raw, serialNumber } = new X509Certificate(pem)
  const key = authorityKeyOf(raw)
  return key ? `${key.toString('base64url')}.${serialBytes(serialNumber).toString('base64url')}` : null
}
