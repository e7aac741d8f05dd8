// Do users read what BuildKit tells of a build, step by step, as a real one told it, and nothing that is not meant for them?
import { describe, expect, test } from 'vitest'
import { failureOf } from './build.ts'
import { createShow } from './show.ts'
import { traceOf, type Vertex } from './trace.ts'

// Docker 20.10 of the last step of a Dockerfile: RUN echo so far; echo and so on; exit 9
const told = [
  'Cs8BCkdzaGEyNTY6ZDNhYTFkYTQwMDBkMzhiODM3ODhkODllMGE3MmI2ZmU1NTA3Mzc3MjNjNDRiN2FiYzQyNDAyOTk2M2JjZWIyZRJHc2hhMjU2OmFhOTQzMmRhZmEwM2M1MTE4NWRkNGZhMmFkZDYyMzk1NmM2MDBiMjU3ODUwZmNiOWMxYjE4MWI1YjZhMjFhYmIaLVsyLzJdIFJVTiBlY2hvIHNvIGZhcjsgZWNobyBhbmQgc28gb247IGV4aXQgOSoMCKjtsNgGEMOIw7cD',
  'GmEKR3NoYTI1NjpkM2FhMWRhNDAwMGQzOGI4Mzc4OGQ4OWUwYTcyYjZmZTU1MDczNzcyM2M0NGI3YWJjNDI0MDI5OTYzYmNlYjJlEgsIqe2w2AYQzcj8XhgBIgdzbyBmYXIK',
  'GmQKR3NoYTI1NjpkM2FhMWRhNDAwMGQzOGI4Mzc4OGQ4OWUwYTcyYjZmZTU1MDczNzcyM2M0NGI3YWJjNDI0MDI5OTYzYmNlYjJlEgsIqe2w2AYQroKXXxgBIgphbmQgc28gb24K',
  'CrQCCkdzaGEyNTY6ZDNhYTFkYTQwMDBkMzhiODM3ODhkODllMGE3MmI2ZmU1NTA3Mzc3MjNjNDRiN2FiYzQyNDAyOTk2M2JjZWIyZRJHc2hhMjU2OmFhOTQzMmRhZmEwM2M1MTE4NWRkNGZhMmFkZDYyMzk1NmM2MDBiMjU3ODUwZmNiOWMxYjE4MWI1YjZhMjFhYmIaLVsyLzJdIFJVTiBlY2hvIHNvIGZhcjsgZWNobyBhbmQgc28gb247IGV4aXQgOSoMCKjtsNgGEMOIw7cDMgsIqe2w2AYQ0ufvbTpWZXhlY3V0b3IgZmFpbGVkIHJ1bm5pbmcgWy9iaW4vc2ggLWMgZWNobyBzbyBmYXI7IGVjaG8gYW5kIHNvIG9uOyBleGl0IDldOiBleGl0IGNvZGU6IDk=',
]

const shown = () => {
  const lines: string[] = []
  return { lines, show: createShow((line) => lines.push(line)) }
}
const vertex = (more: Partial<Vertex>): Vertex => ({
  digest: 'd',
  name: '[1/2] RUN true',
  cached: false,
  started: 10,
  completed: null,
  error: '',
  ...more,
})
const trace = (vertexes: readonly Vertex[], logs: Record<string, string> = {}) => ({
  vertexes,
  logs: Object.entries(logs).map(([digest, text]) => ({ vertex: digest, bytes: Buffer.from(text) })),
  warnings: [],
})

test('a step that fails, as a real engine tells it', () => {
  const { lines, show } = shown()
  for (const message of told) {
    const read = traceOf(message)
    expect(read).not.toBeNull()
    if (read) show.take(read)
  }
  const error = 'executor failed running [/bin/sh -c echo so far; echo and so on; exit 9]: exit code: 9'
  const name = '[2/2] RUN echo so far; echo and so on; exit 9'
  expect(lines).toEqual([`#1 ${name}`, '#1 so far', '#1 and so on', `#1 ERROR: ${error}`])
  expect(show.failed()).toEqual({ name, error, code: 9, lines: ['so far', 'and so on'] })
  expect(failureOf('x', show.failed())).toMatchObject({
    message: `The image could not be built: ${name} ended with exit code 9.`,
    exitCode: 9,
  })
})

test.each(['', '!', 'CgA', 'CgH/', '/////w==', Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]).toString('base64')])(
  '%j does no harm',
  (text) => {
    const read = traceOf(text)
    if (read) shown().show.take(read)
  },
)

describe('steps', () => {
  test('their times, those from the cache, and those that ended with another', () => {
    const { lines, show } = shown()
    show.take(trace([vertex({}), vertex({ digest: 'c', name: 'b', cached: true, completed: 10 })]))
    show.take(trace([vertex({ completed: 12.34 })], { d: 'one\ntwo' }))
    show.take(trace([vertex({ digest: 'e', name: 'x', completed: 11, error: 'rpc: context canceled' })]))
    // Told again.
    show.take(trace([vertex({ completed: 12.34 })]))
    expect(lines).toEqual([
      '#1 [1/2] RUN true',
      '#2 b',
      '#2 CACHED',
      '#1 one',
      '#1 two',
      '#1 DONE 2.3s',
      '#3 x',
      '#3 CANCELED',
    ])
    expect(show.failed()).toBeNull()
  })

  test('what BuildKit does for itself is shown only when it fails; what has not begun, never', () => {
    const { lines, show } = shown()
    show.take(
      trace([vertex({ name: '[internal] load build context', completed: 11 }), vertex({ digest: 'n', started: null })]),
    )
    expect(lines).toEqual([])
    show.take(trace([vertex({ name: '[internal] load build context', completed: 11, error: 'no space left' })]))
    expect(lines).toEqual(['#1 [internal] load build context', '#1 ERROR: no space left'])
    expect(failureOf('x', show.failed()).message).toBe('The image could not be built: no space left.')
  })

  test('the first that failed is told, with its last lines only', () => {
    const { show } = shown()
    const many = Array.from({ length: 100 }, (_, index) => `${index}\n`).join('')
    show.take(trace([vertex({})], { d: many }))
    show.take(trace([vertex({ completed: 11, error: 'exit code: 137' })]))
    show.take(trace([vertex({ digest: 'other', name: 'other', completed: 11, error: 'exit code: 1' })]))
    expect(show.failed()).toMatchObject({ code: 137, lines: { length: 15, 14: '99' } })
    expect(failureOf('x', show.failed()).message).toContain('most likely because this server ran out of memory')
  })
})
