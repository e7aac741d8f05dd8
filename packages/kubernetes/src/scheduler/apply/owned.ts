// Which fields of an object did one field manager apply? With them applied again the object is as that manager left it.
import type { KubeObject } from '../../client/objects.ts'

type Tree = { readonly [key: string]: Tree }
type Entry = { readonly manager?: string; readonly operation?: string; readonly fieldsV1?: object }
type Managed = KubeObject & { readonly metadata?: { readonly managedFields?: readonly Entry[] } }

/** What `manager` applied by server-side apply, as the API server keeps it; undefined when it never did. */
export function fieldsOf(object: Managed, manager: string): Tree | undefined {
  const entry = object.metadata?.managedFields?.find((one) => one.manager === manager && one.operation === 'Apply')
  return entry?.fieldsV1 as Tree | undefined
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

/** An item of a list is named by its keys (`k:{"name":"web"}`), its value (`v:"x"`) or its index (`i:0`). */
function isItem(item: unknown, name: string, index: number): boolean {
  if (name.startsWith('i:')) return Number(name.slice(2)) === index
  const wanted = JSON.parse(name.slice(2)) as unknown
  if (name.startsWith('v:')) return item === wanted
  return isRecord(item) && isRecord(wanted) && Object.entries(wanted).every(([key, value]) => item[key] === value)
}

function pick(value: unknown, fields: Tree): unknown {
  const names = Object.keys(fields).filter((name) => name !== '.')
  // A leaf is owned as a whole.
  if (names.length === 0) return value
  if (Array.isArray(value))
    return names.flatMap((name) => {
      const item: unknown = value.find((one, index) => isItem(one, name, index))
      return item === undefined ? [] : [pick(item, fields[name] ?? {})]
    })
  if (!isRecord(value)) return value
  const kept = names.flatMap((name): [string, unknown][] => {
    const key = name.slice(2)
    return key in value ? [[key, pick(value[key], fields[name] ?? {})]] : []
  })
  return Object.fromEntries(kept)
}

/** The object reduced to what `manager` applied, ready to be applied again; undefined when it never did. */
export function ownedBy<T extends Managed>(object: T, manager: string): T | undefined {
  const fields = fieldsOf(object, manager)
  if (!fields) return undefined
  const picked = pick(object, fields) as T
  const { name, namespace } = object.metadata ?? {}
  return {
    ...picked,
    apiVersion: object.apiVersion,
    kind: object.kind,
    metadata: { ...picked.metadata, name, namespace },
  }
}
