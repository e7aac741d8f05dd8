// What is left of the schemas of the contract in the client? It looks at the outline of an answer only, and its build
// takes this for typebox, which would be half of what is loaded at each start.
type Outline = Readonly<Record<string, unknown>>

const of = (type: string) => (): Outline => ({ type })

export const Type = {
  Array: (items: Outline): Outline => ({ type: 'array', items }),
  Boolean: of('boolean'),
  Integer: of('integer'),
  Literal: (value: string | number | boolean): Outline => ({ const: value }),
  Null: of('null'),
  Number: of('number'),
  Object: (properties: Readonly<Record<string, Outline>>): Outline => ({ type: 'object', properties }),
  Optional: (schema: Outline): Outline => schema,
  Record: of('object'),
  String: of('string'),
  Union: (anyOf: readonly Outline[]): Outline => ({ anyOf }),
  Unknown: (): Outline => ({}),
  Unsafe: (schema: Outline): Outline => schema,
}
