// How is a JSON document in a label of an image read, so that a hostile one costs nothing?
import type { Static, TSchema } from 'typebox'
import { Value } from 'typebox/value'

const longest = 2 * 2 ** 20

/** Null: there is no such label, it is not JSON, or not of this form. Fields that the schema does not name are ignored. */
export function labelDocument<Schema extends TSchema>(
  labels: Readonly<Record<string, string>>,
  name: string,
  schema: Schema,
): Static<Schema> | null {
  const text = Object.hasOwn(labels, name) ? labels[name] : undefined
  if (text === undefined || text.length > longest) return null
  try {
    const value: unknown = JSON.parse(text)
    return Value.Check(schema, value) ? value : null
  } catch {
    return null
  }
}
