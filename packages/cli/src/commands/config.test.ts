// Do the commands for variables send, print and exit as in the contract?
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { deis, homeOf, startController, temporaryFolder } from '../testbed.ts'

const path = '/v2/apps/foo/config/'

async function withValues(values: Record<string, string>) {
  const controller = await startController({
    [`GET ${path}`]: { json: { values } },
    [`POST ${path}`]: { status: 201, json: { values } },
  })
  return { controller, home: homeOf(controller) }
}

describe('config:list', () => {
  test.each([
    [[], '=== foo Config\nA           1\nLONGER      two words\n'],
    [['--diff'], 'A=1\nLONGER=two words\n'],
    [['--oneline'], 'A=1 LONGER=two words\n'],
    [['--diff', '--oneline'], 'A=1 LONGER=two words\n'],
  ])('%j', async (flags, stdout) => {
    const { home } = await withValues({ LONGER: 'two words', A: '1' })
    expect(await deis(['config', '-a', 'foo', ...flags], { home })).toMatchObject({ code: 0, stdout })
  })

  test('empty', async () => {
    const { home } = await withValues({})
    expect((await deis(['config', '-a', 'foo'], { home })).stdout).toBe('=== foo Config\n')
    expect((await deis(['config', '-a', 'foo', '--oneline'], { home })).stdout).toBe('')
  })
})

describe('config:set', () => {
  test('sends the words and shows all there is', async () => {
    const { home, controller } = await withValues({ A: '1' })
    expect(await deis(['config:set', 'A=1', 'B=', 'C=x=y\nz', '#D=1', '-a', 'foo'], { home })).toMatchObject({
      code: 0,
      stdout: 'Creating config... done\n\n=== foo Config\nA      1\n',
      stderr: '',
    })
    expect(controller.requests).toEqual([`POST ${path} {"values":{"A":"1","B":"","C":"x=y\\nz"}}`])
  })

  test('names the release if the controller does', async () => {
    const { home } = await withValues({ WORKFLOW_RELEASE: 'v4' })
    expect((await deis(['config:set', 'A=1', '-a', 'foo'], { home })).stdout).toMatch(
      /^Creating config\.\.\. done, v4\n/,
    )
  })

  test.each([[['A=1', 'B']], [['#A=1']], [['A-B=1']], [['']]])('%j is refused before any request', async (words) => {
    const { home, controller } = await withValues({})
    const { code, stdout, stderr } = await deis(['config:set', ...words, '-a', 'foo'], { home })
    expect({ code, stdout, requests: controller.requests }).toEqual({ code: 1, stdout: '', requests: [] })
    expect(stderr).toMatch(/^Error: (.* does not set a variable|No variables in the arguments)\.\n/)
  })

  test('points to `deis healthchecks:set`', async () => {
    const { home } = await withValues({})
    expect((await deis(['config:set', 'HEALTHCHECK_URL=/', '-a', 'foo'], { home })).stderr).toContain(
      'deis healthchecks',
    )
  })

  describe('SSH_KEY', () => {
    const key = '-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----\n'
    const encoded = Buffer.from(key).toString('base64')

    test.each([
      ['text', key],
      ['base64', encoded],
      ['a path', 'id'],
    ])('as %s is sent as base64', async (_, value) => {
      const { home, controller } = await withValues({})
      const cwd = temporaryFolder()
      writeFileSync(join(cwd, 'id'), key)
      expect(await deis(['config:set', `SSH_KEY=${value}`, '-a', 'foo'], { home, cwd })).toMatchObject({ code: 0 })
      expect(controller.requests[0]).toBe(`POST ${path} {"values":{"SSH_KEY":"${encoded}"}}`)
    })

    test('that is none is refused', async () => {
      const { home, controller } = await withValues({})
      expect(await deis(['config:set', 'SSH_KEY=nothing', '-a', 'foo'], { home })).toMatchObject({ code: 1 })
      expect(controller.requests).toEqual([])
    })
  })

  test('a refusal by the controller is text, not JSON', async () => {
    const detail = String.raw`release v3 failed\nno space left`
    const controller = await startController({ [`POST ${path}`]: { status: 400, json: { detail } } })
    expect(await deis(['config:set', 'A=1', '-a', 'foo'], { home: homeOf(controller) })).toMatchObject({
      code: 1,
      stdout: 'Creating config... \n',
      stderr: 'Error: release v3 failed\nno space left\n',
    })
  })
})

describe('config:unset', () => {
  test('removes keys', async () => {
    const { home, controller } = await withValues({})
    expect(await deis(['config:unset', 'A', 'B', '-a', 'foo'], { home })).toMatchObject({
      code: 0,
      stdout: 'Removing config... done\n\n=== foo Config\n',
    })
    expect(controller.requests[0]).toBe(`POST ${path} {"values":{"A":null,"B":null}}`)
  })

  test.each(['A=1', 'a-b', ''])('%j is refused before any request', async (key) => {
    const { home, controller } = await withValues({})
    expect(await deis(['config:unset', key, '-a', 'foo'], { home })).toMatchObject({ code: 1 })
    expect(controller.requests).toEqual([])
  })
})

describe('config:push', () => {
  test('reads .env', async () => {
    const { home, controller } = await withValues({})
    const cwd = temporaryFolder()
    writeFileSync(join(cwd, '.env'), 'export A="1\n2"\r\n\n# note\nB=3')
    expect(await deis(['config:push', '-a', 'foo'], { home, cwd })).toMatchObject({ code: 0 })
    expect(controller.requests[0]).toBe(`POST ${path} {"values":{"A":"1\\n2","B":"3"}}`)
  })

  test('reads what is piped in rather than .env', async () => {
    const { home, controller } = await withValues({})
    const cwd = temporaryFolder()
    writeFileSync(join(cwd, '.env'), 'B=file')
    await deis(['config:push', '-a', 'foo'], { home, cwd, stdin: 'A=pipe\n' })
    expect(controller.requests[0]).toBe(`POST ${path} {"values":{"A":"pipe"}}`)
  })

  test('reads the path that is named, whatever is piped in', async () => {
    const { home, controller } = await withValues({})
    const cwd = temporaryFolder()
    writeFileSync(join(cwd, 'x.env'), 'B=file')
    await deis(['config:push', '-a', 'foo', '-p', 'x.env'], { home, cwd, stdin: 'A=pipe\n' })
    expect(controller.requests[0]).toBe(`POST ${path} {"values":{"B":"file"}}`)
  })

  test.each([
    [{ stdin: '' }, 'Error: No variables in stdin.\nNothing was changed.\n'],
    [{}, 'Error: open .env: no such file or directory\n'],
  ])('%j is refused before any request', async (world, stderr) => {
    const { home, controller } = await withValues({})
    expect(await deis(['config:push', '-a', 'foo'], { home, ...world })).toMatchObject({ code: 1, stderr })
    expect(controller.requests).toEqual([])
  })
})

describe('config:pull', () => {
  test('into a pipe prints and leaves the file alone', async () => {
    const { home } = await withValues({ FOO: 'xyzzy', BAR: '1\n2' })
    const cwd = temporaryFolder()
    expect(await deis(['config:pull', '-a', 'foo'], { home, cwd })).toMatchObject({
      code: 0,
      stdout: 'BAR="1\n2"\nFOO=xyzzy\n',
    })
    expect(existsSync(join(cwd, '.env'))).toBe(false)
  })

  test('at a terminal writes .env for its owner only, which a shell reads alike', async () => {
    const { home } = await withValues({ FOO: 'xyzzy' })
    const cwd = temporaryFolder()
    expect(await deis(['config:pull', '-a', 'foo'], { home, cwd, stdoutIsDevice: true })).toMatchObject({
      code: 0,
      stdout: '',
    })
    expect(statSync(join(cwd, '.env')).mode & 0o777).toBe(0o600)
    expect(execFileSync('sh', ['-c', '. ./.env; printf %s "$FOO"'], { cwd, encoding: 'utf8' })).toBe('xyzzy')
  })

  test('replaces a file only with --overwrite', async () => {
    const { home } = await withValues({ FOO: 'new' })
    const cwd = temporaryFolder()
    writeFileSync(join(cwd, '.env'), 'FOO=old\n')
    const world = { home, cwd, stdoutIsDevice: true }
    const { code, stderr } = await deis(['config:pull', '-a', 'foo'], world)
    expect(code).toBe(1)
    expect(stderr).toContain('--overwrite')
    expect(readFileSync(join(cwd, '.env'), 'utf8')).toBe('FOO=old\n')
    expect(await deis(['config:pull', '-a', 'foo', '-o'], world)).toMatchObject({ code: 0 })
    expect(readFileSync(join(cwd, '.env'), 'utf8')).toBe('FOO=new\n')
  })

  test('merges, asking about each difference', async () => {
    const { home } = await withValues({ SAME: '1', KEEP: 'new', TAKE: 'new', MORE: 'new' })
    const cwd = temporaryFolder()
    writeFileSync(join(cwd, '.env'), '# mine\nSAME=1\nKEEP=old\nTAKE=old\nLOCAL=x\n')
    const world = { home, cwd, stdoutIsDevice: true, answers: [false, true] }
    const { code, asked } = await deis(['config:pull', '-a', 'foo', '-i', '-o'], world)
    expect({ code, asked }).toEqual({
      code: 0,
      asked: ['KEEP: replace "old" with "new"?', 'TAKE: replace "old" with "new"?'],
    })
    expect(readFileSync(join(cwd, '.env'), 'utf8')).toBe('KEEP=old\nLOCAL=x\nMORE=new\nSAME=1\nTAKE=new\n')
  })
})
