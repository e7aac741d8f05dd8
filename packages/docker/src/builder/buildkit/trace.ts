// What does BuildKit tell of a build while it runs? Its messages (moby.buildkit.v1.StatusResponse), as far as they are shown.
import { BinaryReader, type WireType } from '@bufbuild/protobuf/wire'

/** A step; told again with each change. */
export type Vertex = {
  readonly digest: string
  readonly name: string
  readonly cached: boolean
  /** Seconds; null: not yet. */
  readonly started: number | null
  readonly completed: number | null
  readonly error: string
}

export type VertexLog = { readonly vertex: string; readonly bytes: Uint8Array }

export type Trace = {
  readonly vertexes: readonly Vertex[]
  readonly logs: readonly VertexLog[]
  readonly warnings: readonly string[]
}

/** Calls `take` with each field until it has none; it reads the value, or returns false. @throws for what is not a message */
function fields(bytes: Uint8Array, take: (field: number, reader: BinaryReader, type: WireType) => unknown): void {
  const reader = new BinaryReader(bytes)
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag()
    if (take(field, reader, type) === false) reader.skip(type)
  }
}

function timeOf(bytes: Uint8Array): number {
  let seconds = 0
  let nanos = 0
  fields(bytes, (field, reader) => {
    if (field === 1) seconds = Number(reader.int64())
    else if (field === 2) nanos = reader.int32()
    else return false
  })
  return seconds + nanos / 1e9
}

function vertexOf(bytes: Uint8Array): Vertex {
  const vertex = { digest: '', name: '', cached: false, started: null, completed: null, error: '' } as {
    -readonly [Key in keyof Vertex]: Vertex[Key]
  }
  fields(bytes, (field, reader) => {
    if (field === 1) vertex.digest = reader.string()
    else if (field === 3) vertex.name = reader.string()
    else if (field === 4) vertex.cached = reader.bool()
    else if (field === 5) vertex.started = timeOf(reader.bytes())
    else if (field === 6) vertex.completed = timeOf(reader.bytes())
    else if (field === 7) vertex.error = reader.string()
    else return false
  })
  return vertex
}

function logOf(bytes: Uint8Array): VertexLog {
  const log = { vertex: '', bytes: new Uint8Array() as Uint8Array }
  fields(bytes, (field, reader) => {
    if (field === 1) log.vertex = reader.string()
    else if (field === 4) log.bytes = reader.bytes()
    else return false
  })
  return log
}

function warningOf(bytes: Uint8Array): string {
  let text = ''
  fields(bytes, (field, reader) => {
    if (field !== 3) return false
    text = Buffer.from(reader.bytes()).toString('utf8')
  })
  return text
}

/** Null: it is not a message of this kind. */
export function traceOf(base64: string): Trace | null {
  const vertexes: Vertex[] = []
  const logs: VertexLog[] = []
  const warnings: string[] = []
  try {
    fields(Buffer.from(base64, 'base64'), (field, reader) => {
      if (field === 1) vertexes.push(vertexOf(reader.bytes()))
      else if (field === 3) logs.push(logOf(reader.bytes()))
      else if (field === 4) warnings.push(warningOf(reader.bytes()))
      else return false
    })
  } catch {
    return null
  }
  return { vertexes, logs, warnings }
}
