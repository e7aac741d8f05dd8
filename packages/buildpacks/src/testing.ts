// How do tests build an app in a folder of their own, and look at what came out?
import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { create } from 'tar'
import { type Accounts, openAccounts } from '@deis/machine/accounts'
import { discard } from '@deis/machine/discard'
import { openIsolation } from '@deis/machine/isolation'
import { testArchiver } from '@deis/machine/archive-testing'
import { slugFile } from '@deis/machine/slugs'
import type { Builder, BuildRequest, BuildResult } from '@deis/ports/builder'
import { createNativeBuilder, type NativeBuilderOptions } from './create.ts'

/** Text, or the target of a link. What lies in a `bin` folder is executable. */
export type Files = Readonly<Record<string, string | { readonly link: string }>>

export const execute = promisify(execFile)
export const path = process.env.PATH ?? ''

export async function writeFiles(folder: string, files: Files): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const file = join(folder, name)
    await mkdir(dirname(file), { recursive: true })
    if (typeof content === 'string') await writeFile(file, content, { mode: /(^|\/)bin\//.test(name) ? 0o755 : 0o644 })
    else await symlink(content.link, file)
  }
}

export async function tarOf(files: Files): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'deis-source-'))
  await writeFiles(folder, files)
  const chunks: Buffer[] = []
  for await (const chunk of create({ cwd: folder, portable: true }, ['.']) as unknown as Readable)
    chunks.push(chunk as Buffer)
  await rm(folder, { recursive: true })
  return Buffer.concat(chunks)
}

/** A git repository with one commit of these files on its main branch; `git` runs further commands in it. */
export async function repository(
  folder: string,
  files: Files,
): Promise<(...args: string[]) => Promise<{ stdout: string; stderr: string }>> {
  await mkdir(folder, { recursive: true })
  await writeFiles(folder, files)
  const identity = ['-c', 'user.name=t', '-c', 'user.email=t@example.com', '-c', 'commit.gpgsign=false']
  const git = (...args: string[]): Promise<{ stdout: string; stderr: string }> =>
    execute('git', [...identity, ...args], { cwd: folder })
  await git('init', '--quiet', '--initial-branch=main', '--template=')
  await git('add', '--all', '--force')
  await git('commit', '--quiet', '--message=one')
  return git
}

export type Attempt = { readonly result: BuildResult; readonly output: string; readonly lines: readonly string[] }

export type TestBuilder = {
  readonly builder: Builder
  readonly folder: string
  readonly accounts: Accounts
  /** Output so far of the newest build. */
  output(): string
  build(files: Files | Buffer, more?: Partial<BuildRequest>, signal?: AbortSignal): Promise<Attempt>
  /** The slug unpacked into a new folder, as the app's user's. */
  unpack(result: BuildResult): Promise<string>
  close(): Promise<void>
}

export async function openTestBuilder(options: Partial<NativeBuilderOptions> = {}): Promise<TestBuilder> {
  const folder = await mkdtemp(join(tmpdir(), 'deis-builder-'))
  // Builds run as another user when the tests run as root.
  await chmod(folder, 0o755)
  const accounts = options.accounts ?? (await openAccounts(join(folder, 'accounts')))
  const slugFolder = join(folder, 'slugs')
  const builder = await createNativeBuilder({
    folder: join(folder, 'builder'),
    slugFolder,
    accounts,
    archiver: testArchiver,
    isolation: await openIsolation(),
    path,
    shell: 'bash',
    timeoutSeconds: 60,
    log: () => {},
    ...options,
  })
  let count = 0
  let text = ''
  return {
    builder,
    folder,
    accounts,
    output: () => text,
    async build(files, more = {}, signal = new AbortController().signal) {
      const source = Buffer.isBuffer(files) ? files : await tarOf(files)
      text = ''
      const request: BuildRequest = {
        id: `build-${process.pid}-${++count}`,
        app: 'myapp',
        sha: '0123456789abcdef0123456789abcdef01234567',
        config: {},
        source: () => Readable.from([source]),
        noCache: false,
        ...more,
      }
      const result = await builder.build(request, (chunk) => (text += chunk), signal)
      return { result, output: text, lines: text.split('\n') }
    },
    async unpack(result) {
      if (result.artifact.kind !== 'slug') throw new Error('no slug')
      const target = await mkdtemp(join(folder, 'app-'))
      await testArchiver.unpackFile(slugFile(slugFolder, result.artifact.digest), [target])
      const runAs = await accounts.of('myapp')
      if (runAs) await execute('chown', ['-R', `${runAs.uid}:${runAs.gid}`, target])
      return target
    },
    // Tools leave folders that their owner may not write to.
    close: () => discard(folder),
  }
}

export const bash = (text: string): string => `#!/bin/bash\nset -e\n${text}\n`

/** A buildpack in a local repository that compiles by an app's `build.sh`. @returns its URL */
export async function scriptBuildpack(t: TestBuilder): Promise<string> {
  const folder = join(t.folder, 'hooks-buildpack')
  await repository(folder, {
    'bin/detect': bash('echo Hooked'),
    'bin/compile': bash('[ -x "$1/build.sh" ] || chmod +x "$1/build.sh"; exec "$1/build.sh" "$@"'),
    'bin/release': bash('echo "default_process_types: {web: run-web, worker: run-worker}"'),
  })
  return `file://${folder}`
}

/** Runs a command of an unpacked slug as the scheduler does: profile scripts first, HOME and cwd in the app, its user. */
export async function runIn(
  builder: TestBuilder,
  folder: string,
  command: string,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const script = 'for f in .profile.d/*.sh; do [ -r "$f" ] && . "./$f"; done; exec bash -c "$1"'
  const { stdout } = await execute('bash', ['-c', script, 'run', command], {
    cwd: folder,
    env: { PATH: path, HOME: folder, ...env },
    ...(await builder.accounts.of('myapp')),
  })
  return stdout
}

export async function read(folder: string, name: string): Promise<string> {
  return readFile(join(folder, name), 'utf8')
}
