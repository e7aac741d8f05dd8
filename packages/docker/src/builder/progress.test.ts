// Is every kind of line of the engine's builders read for what it is, whatever else it sends?
import { expect, test } from 'vitest'
import { stepOf } from './progress.ts'

const id = `sha256:${'a'.repeat(64)}`

test.each([
  ['{"stream":"Step 1/2 : FROM scratch\\n"}', { kind: 'text', text: 'Step 1/2 : FROM scratch\n' }],
  [`{"aux":{"ID":"${id}"}}`, { kind: 'image', id }],
  ['{"aux":{"ID":"latest"}}', null],
  ['{"aux":{}}', null],
  [`{"id":"moby.image.id","aux":{"ID":"${id}"}}`, { kind: 'image', id }],
  ['{"id":"moby.buildkit.trace","aux":"CgA="}', { kind: 'trace', message: 'CgA=' }],
  ['{"id":"something.else","aux":"CgA="}', null],
  [
    '{"errorDetail":{"code":9,"message":"The command returned a non-zero code: 9"},"error":"x"}',
    { kind: 'error', message: 'The command returned a non-zero code: 9', code: 9 },
  ],
  ['{"error":"it broke"}', { kind: 'error', message: 'it broke', code: null }],
  ['{"status":"Pulling from library/node","id":"24"}', null],
  ['{"status":"Downloading","progressDetail":{"current":1},"id":"abc"}', null],
  ['{"status":"Status: Downloaded newer image"}', { kind: 'text', text: 'Status: Downloaded newer image\n' }],
  ['not json', null],
  ['null', null],
  ['[]', null],
])('%s', (line, expected) => {
  expect(stepOf(line)).toEqual(expected)
})
