// Is the right key sent, and never a private one?
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { deis, homeOf, startController, temporaryFolder } from '../testbed.ts'
import { parseKey } from './keys.ts'

const blob = 'AAAAC3NzaC1lZDI1NTE5AAAAIB5Fz7n6L6yV5Y7k3Zx9q0Y0m1p2q3r4s5t6u7v8w9x0'
const key = `ssh-ed25519 ${blob} bob@laptop`

async function known(files: Record<string, string> = {}) {
  const controller = await startController({
    'POST /v2/keys/': { status: 201, json: {} },
    'DELETE /v2/keys/bob%40laptop': { status: 204 },
    'GET /v2/keys/?limit=100': {
      json: {
        count: 2,
        next: null,
        previous: null,
        results: [
          { id: 'bob@laptop', public: key },
          { id: 'x', public: `ssh-rsa ${blob} eve@somewhere` },
        ],
      },
    },
  })
  const home = homeOf(controller)
  mkdirSync(join(home, '.ssh'))
  for (const [name, content] of Object.entries(files)) writeFileSync(join(home, '.ssh', name), content)
  return { controller, home, sent: (id: string) => `POST /v2/keys/ ${JSON.stringify({ id, public: key })}` }
}

test('keys:list', async () => {
  const { home } = await known()
  expect(await deis(['keys'], { home })).toMatchObject({
    code: 0,
    stdout: '=== bob Keys\nbob@laptop ssh-ed25519 AAAA...bob@laptop\nx          ssh-rsa AAAAC3Nz...@somewhere\n',
  })
})

test('keys:remove', async () => {
  const { home, controller } = await known()
  expect(await deis(['keys:remove', 'bob@laptop'], { home })).toMatchObject({
    code: 0,
    stdout: 'Removing bob@laptop SSH Key... done\n',
  })
  expect(controller.requests).toEqual(['DELETE /v2/keys/bob%40laptop'])
})

describe('keys:add', () => {
  test.each([
    ['a path', ['my.pub'], 'bob@laptop'],
    ['a name and a path', ['work', 'my.pub'], 'work'],
    ['a path without .pub', ['./plain'], 'plain'],
  ])('%s', async (_, words, id) => {
    const { home, controller } = await known()
    const cwd = temporaryFolder()
    writeFileSync(join(cwd, 'my.pub'), `${key}\n`)
    writeFileSync(join(cwd, 'plain'), `ssh-ed25519 ${blob}\n`)
    const { code, stdout } = await deis(['keys:add', ...words], { home, cwd })
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: `Uploading ${words.at(-1)?.replace('./', '')} to deis... done\n`,
    })
    expect(controller.requests[0]).toContain(`{"id":"${id}","public":"ssh-ed25519 ${blob}`)
    expect(controller.requests[0]).not.toContain(String.raw`\n`)
  })

  test('uses the only key, with a note', async () => {
    const { home, controller, sent } = await known({ 'id.pub': key, 'broken.pub': 'nonsense', id: 'private' })
    expect(await deis(['keys:add', 'work'], { home })).toMatchObject({
      code: 0,
      stdout: 'Uploading id.pub to deis... done\n',
      stderr: `"${home}/.ssh/broken.pub" is not an SSH public key, skipped.\nUsing the only key in ~/.ssh: id.pub bob@laptop\n`,
    })
    expect(controller.requests).toEqual([sent('work')])
  })

  test('lets a person choose among several', async () => {
    const { home, controller, sent } = await known({ 'a.pub': `ssh-rsa ${blob} a`, 'id.pub': key })
    const { code, asked } = await deis(['keys:add'], { home, answers: ['id.pub bob@laptop'] })
    expect({ code, asked }).toEqual({
      code: 0,
      asked: ['Which SSH key do you want to add? a.pub a | id.pub bob@laptop'],
    })
    expect(controller.requests).toEqual([sent('bob@laptop')])
  })

  test.each([
    [
      { 'a.pub': `ssh-rsa ${blob} a`, 'id.pub': key },
      [],
      'Error: Several keys found in ~/.ssh:\n  a.pub a\n  id.pub bob@laptop\nChoose one by its path: `deis keys:add <path>`.\n',
    ],
    [
      {},
      [],
      'Error: No SSH public key found in ~/.ssh.\nCreate one with `ssh-keygen -t ed25519`, or give its path: `deis keys:add <path>`.\n',
    ],
    [{}, ['missing.pub'], 'Error: open missing.pub: no such file or directory\n'],
    [{}, ['x', 'missing'], 'Error: open missing: no such file or directory\n'],
  ])('with %j and %j asks nothing of the controller', async (files, words, stderr) => {
    const { home, controller } = await known(files)
    expect(await deis(['keys:add', ...words], { home })).toMatchObject({ code: 1, stdout: '', stderr })
    expect(controller.requests).toEqual([])
  })

  test('a private key never leaves', async () => {
    const { home, controller } = await known({ id: '-----BEGIN OPENSSH PRIVATE KEY-----\n' })
    const { code, stderr } = await deis(['keys:add', join(home, '.ssh', 'id')], { home })
    expect({ code, requests: controller.requests }).toEqual({ code: 1, requests: [] })
    expect(stderr).toContain('is not an SSH public key.')
  })
})

test.each([
  [`${key}\n`, 'bob@laptop'],
  [`ssh-rsa ${blob}`, ''],
  [`ecdsa-sha2-nistp256 ${blob}== two words`, 'two words'],
  [`ssh-foo ${blob}`, undefined],
  ['ssh-rsa', undefined],
  [`${key}\n${key}`, undefined],
  ['ssh-rsa not/base64! x', undefined],
])('%j', (content, comment) => {
  expect(parseKey(content, 'x.pub')?.comment).toBe(comment)
})
