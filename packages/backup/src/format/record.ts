// What is stored beside a backup: how large it is, and whether it was proven?
import { type Static, Type } from 'typebox'
import { Check } from 'typebox/value'

const Text = Type.String({ maxLength: 10_000 })
const Size = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })

const Proof = Type.Object({
  at: Text,
  seconds: Size,
  /** Null: proven. */
  failed: Type.Union([Text, Type.Null()]),
  /** What was found to be right, one line each. */
  checks: Type.Array(Text, { maxItems: 100 }),
})
export type Proof = Static<typeof Proof>

export const Record = Type.Object({
  name: Text,
  createdAt: Text,
  bytes: Size,
  sha256: Text,
  apps: Size,
  encryption: Type.Union([Type.Literal('none'), Type.Literal('keys'), Type.Literal('passphrase')]),
  leftOut: Type.Array(Text, { maxItems: 100 }),
  /** Null: not tried, or it did not end. */
  proof: Type.Union([Proof, Type.Null()]),
})
export type Record = Static<typeof Record>

export const longestRecord = 2 ** 20

/** Null: it is not one. Whoever can write to the target can change it, so nothing that a restore does depends on it. */
export function readRecord(text: string): Record | null {
  try {
    const parsed: unknown = JSON.parse(text)
    return Check(Record, parsed) ? parsed : null
  } catch {
    return null
  }
}

export const isProven = (record: Record | null): boolean => record?.proof?.failed === null
