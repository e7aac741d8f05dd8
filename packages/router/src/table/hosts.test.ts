// Are Host headers read as they should be?
import { expect, test } from 'vitest'
import { hostOf } from './hosts.ts'

test.each([
  ['app.example.com', 'app.example.com'],
  ['APP.Example.COM', 'app.example.com'],
  ['app.example.com:8080', 'app.example.com'],
  ['app.example.com.', 'app.example.com'],
  ['app.example.com.:80', 'app.example.com'],
  ['localhost', 'localhost'],
  ['10.0.0.1:80', '10.0.0.1'],
  ['[::1]', '[::1]'],
  ['[::1]:8080', '[::1]'],
  ['[2001:DB8::1]:8080', '[2001:db8::1]'],
  ['my_app.example.com', 'my_app.example.com'],
  ['app.example.com:', 'app.example.com'],
  ['', null],
  ['.', null],
  ['app..example.com', null],
  ['app.example.com..', null],
  ['app.example.com:80:80', null],
  ['app.example.com:eighty', null],
  ['::1', null],
  ['[::1', null],
  ['app example', null],
  ['app,other', null],
  ['user@app', null],
  ['app/path', null],
  ['äpp', null],
])('%j is %j', (header, host) => {
  expect(hostOf(header)).toBe(host)
})
