// Does one line in a shell install the client of a platform, upgrade it and remove it, and never half?
import { spawnSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Result, run } from './child.ts'
import { password } from './client.ts'
import { cleanEnv, type Platform, startPlatform } from './platform.ts'
import manifest from '../../cli/package.json' with { type: 'json' }

/** The script downloads with curl or wget, which a bare machine has not. */
const withCurl = test.skipIf(spawnSync('curl', ['--version']).error !== undefined)

let platform: Platform
let script: string
/** Empty before each test. */
let home: string

beforeAll(async () => {
  platform = await startPlatform()
  script = await (await fetch(`${platform.api}/install.sh`)).text()
})
afterAll(() => platform.stop())
beforeEach(async () => {
  home = await mkdtemp(join(platform.folder, 'home-'))
})

function shell(line: string, more: NodeJS.ProcessEnv = {}, input?: string): Promise<Result> {
  const env = { PATH: cleanEnv().PATH, HOME: home, LC_ALL: 'C', ...more }
  return run('sh', ['-c', line], { cwd: home, env, ...(input === undefined ? {} : { input }) })
}

const install = (text = script, args = '', more: NodeJS.ProcessEnv = {}): Promise<Result> =>
  shell(`sh -s -- ${args}`, more, text)

async function clients(): Promise<string[]> {
  return readdir(join(home, '.local/lib/deis'))
}

withCurl('an empty home gets a client that logs in, and says what to do next', async () => {
  const { code, stdout, stderr } = await shell(`curl -fsSL ${platform.api}/install.sh | sh`, { SHELL: '/usr/bin/zsh' })
  const bin = join(home, '.local/bin')
  expect({ code, stdout, stderr }).toEqual({
    code: 0,
    stdout: [
      `deis: Installed deis v${manifest.version} in ${bin}, with completion for bash, zsh and fish.`,
      `deis: ${bin} is not on your PATH. Add this line to ~/.profile, and log in again:  export PATH="${bin}:$PATH"`,
      `deis: For completion, add this line to ~/.zshrc, before compinit:  fpath+=(${home}/.local/share/zsh/site-functions)`,
      `deis: Log in with:  deis login ${platform.api}`,
      '',
    ].join('\n'),
    stderr: '',
  })
  const account = `--username=ann --password='${password}'`
  const PATH = `${bin}:${cleanEnv().PATH}`
  const registered = await shell(`deis register ${platform.api} ${account} --email=ann@example.com`, { PATH })
  expect(registered.stdout).toContain('Logged in as ann\n')
  const complete = '. "$0"; COMP_LINE="deis whoa" COMP_POINT=9; _deis; echo "${COMPREPLY[@]}"'
  const completion = join(home, '.local/share/bash-completion/completions/deis')
  const completed = await run('bash', ['-c', complete, completion], { cwd: home, env: { PATH } })
  expect(completed.stdout).toBe('whoami\n')
})

withCurl(
  'again is an upgrade, a program that runs keeps its files, and --uninstall leaves the login only',
  async () => {
    expect(await install()).toMatchObject({ code: 0 })
    const bin = join(home, '.local/bin')
    const PATH = `${bin}:${cleanEnv().PATH}`
    const first = await realpath(join(bin, 'deis'))
    const again = await install(script, '', { PATH })
    expect(again.stdout).not.toContain('PATH')
    expect(await realpath(join(bin, 'deis'))).not.toBe(first)
    expect(await readFile(first, 'utf8')).toContain('load')
    expect(await install()).toMatchObject({ code: 0 })
    expect(await clients()).toHaveLength(2)
    await mkdir(join(home, '.deis'))
    const removed = {
      code: 0,
      stdout: `deis: Removed from ${home}/.local. Your login is still in ~/.deis.\n`,
      stderr: '',
    }
    expect(await install(script, '--uninstall')).toEqual(removed)
    const { stdout } = await shell('find . -not -type d')
    expect(stdout).toBe('')
    const none = { code: 0, stdout: `deis: There is no deis in ${home}/.local.\n`, stderr: '' }
    expect(await install(script, '--uninstall')).toEqual(none)
  },
)

describe('nothing is changed', () => {
  async function refused(text: string, more: NodeJS.ProcessEnv = {}, args = ''): Promise<string> {
    const { code, stderr } = await install(text, args, more)
    expect(code).not.toBe(0)
    const { stdout } = await shell('find . -name "deis*" -not -type d; find . -name "*-*" -path "*lib/deis*"')
    expect(stdout).toBe('')
    return stderr
  }

  test('by a download that ends early, wherever that is', async () => {
    const ends = [...script.matchAll(/\n/g)].map(({ index }) => index + 1).filter((end) => end < script.length)
    for (let end = script.length - 2; end > script.length - 30; end--) ends.push(end)
    await Promise.all(ends.map((end) => install(script.slice(0, end))))
    expect(await readdir(home)).toEqual([])
  })

  withCurl('by another file than the one that the script is for', async () => {
    const other = script.replace(/sum='\w{8}/, "sum='00000000")
    expect(await refused(other)).toMatch(/is not the file of this script: its SHA-256 is not 0{8}\w{56}\. Nothing was/)
  })

  withCurl('by a server that is not there', async () => {
    const away = script.replace(/origin='[^']+'/, "origin='http://127.0.0.1:9'")
    expect(await refused(away)).toContain('http://127.0.0.1:9/client/deis-0.1.0.tgz could not be downloaded.')
  })

  withCurl('without Node.js, and with an old one', async () => {
    const bin = join(home, 'tools')
    await mkdir(bin)
    const tools = ['sh', 'curl', 'tar', 'readlink', 'mkdir', 'find', 'rm', 'date']
    for (const tool of tools) await symlink((await shell(`command -v ${tool}`)).stdout.trim(), join(bin, tool))
    expect(await refused(script, { PATH: bin })).toContain(
      'Node.js was not found, and deis needs version 20.19 or newer.',
    )
    // A stand-in for an old version of Node.js: it answers as one does.
    await writeFile(join(bin, 'node'), '#!/bin/sh\n[ "$1" = --version ] && echo v18.20.4\nexit 1\n')
    await chmod(join(bin, 'node'), 0o755)
    expect(await refused(script, { PATH: bin })).toContain(`deis needs Node.js 20.19 or newer, and ${bin}/node is v18`)
  })

  withCurl('where another program has the name', async () => {
    await mkdir(join(home, '.local/bin'), { recursive: true })
    await writeFile(join(home, '.local/bin/deis'), 'mine')
    for (const args of ['', '--uninstall']) {
      const { code, stderr } = await install(script, args)
      expect(code).toBe(1)
      expect(stderr).toContain(`${home}/.local/bin/deis`)
    }
    expect(await readFile(join(home, '.local/bin/deis'), 'utf8')).toBe('mine')
    expect(await install(script, '', { DEIS_INSTALL_DIR: join(home, 'my own tools') })).toMatchObject({ code: 0 })
    const own = await run(join(home, 'my own tools/bin/deis'), ['version'], { cwd: home, env: cleanEnv() })
    expect(own.stdout).toBe(`v${manifest.version}\n`)
    await rm(join(home, 'my own tools'), { recursive: true })
  })

  test('by arguments and settings that it does not have', async () => {
    expect(await refused(script, {}, '--remove')).toContain('usage: install.sh [--uninstall]')
    expect(await refused(script, {}, '--uninstall x')).toContain('usage: install.sh [--uninstall]')
    expect(await refused(script, { DEIS_INSTALL_DIR: 'tools' })).toContain('must be an absolute path, not "tools".')
  })
})
