// Under which name do clients reach a controller that listens everywhere?
import { expect, test } from 'vitest'
import { reachable } from './address.ts'

test.each([
  ['localhost', 'deis.example.com', 'localhost'],
  ['10.0.0.5', 'deis.example.com', '10.0.0.5'],
  ['0.0.0.0', 'deis.example.com', 'deis.example.com'],
  ['::', '10.0.0.5', '10.0.0.5'],
  ['::', '[fd00::5]', 'fd00::5'],
  ['0.0.0.0', 'x$(id)', 'localhost'],
  ['0.0.0.0', '-oProxyCommand=x', 'localhost'],
  ['0.0.0.0', '', 'localhost'],
])('listening on %s and asked as %j: %s', (listening, asked, wanted) =>
  expect(reachable(listening, asked)).toBe(wanted),
)
