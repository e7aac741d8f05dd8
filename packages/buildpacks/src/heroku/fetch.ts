// How is a buildpack brought here, as the app's user and within limits?
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { RunAs } from '@deis/machine/accounts'
import { BuildFailure } from '@deis/ports/builder'
import type { BuildpackSource } from './buildpack-url.ts'
import type { Kit } from '../context.ts'
import { makeFor } from '../workspace.ts'

const archiveLimits = { entries: 100_000, bytes: 2 ** 30 }
const maxDownload = 300 * 2 ** 20

function failure(kit: Kit, reason: string): BuildFailure {
  for (const line of reason.trim().split('\n').slice(-5)) kit.output.warn(line)
  return new BuildFailure('Build exited with code 1, stopping build.', 1)
}

function gitEnv(source: BuildpackSource): Record<string, string> {
  return {
    GIT_ALLOW_PROTOCOL: 'file:git:http:https:ssh',
    GIT_HTTP_LOW_SPEED_LIMIT: '1000',
    GIT_HTTP_LOW_SPEED_TIME: '60',
    ...(source.authorization
      ? {
          GIT_CONFIG_COUNT: '1',
          GIT_CONFIG_KEY_0: `http.${new URL(source.url).origin}/.extraHeader`,
          GIT_CONFIG_VALUE_0: `Authorization: ${source.authorization}`,
        }
      : {}),
  }
}

async function clone(kit: Kit, source: BuildpackSource, folder: string): Promise<string> {
  const env = gitEnv(source)
  const git = (args: readonly string[], cwd = kit.workspace.buildpacks): ReturnType<Kit['capture']> =>
    kit.capture('git', args, { env, cwd })
  const branch = source.ref === null ? [] : [`--branch=${source.ref}`]
  let result = await git(['clone', '--quiet', '--depth=1', ...branch, '--', source.url, folder])
  if (result.code !== 0 && source.ref !== null) {
    // A commit is no branch: all of the history is needed to find it.
    result = await git(['clone', '--quiet', '--no-checkout', '--', source.url, folder])
    if (result.code === 0) {
      const wanted = `${source.ref}^{commit}`
      const found = await git(['rev-parse', '--quiet', '--verify', '--end-of-options', wanted], folder)
      if (found.code !== 0) throw failure(kit, `The buildpack has no branch, tag or commit ${source.ref}.`)
      result = await git(['checkout', '--quiet', '--detach', found.stdout.trim()], folder)
    }
  }
  if (result.code === 0 && (await kit.capture('test', ['-e', '.gitmodules'], { cwd: folder })).code === 0)
    result = await git(['submodule', '--quiet', 'update', '--init', '--recursive'], folder)
  if (result.code !== 0) throw failure(kit, result.stderr || 'The buildpack could not be cloned.')
  return folder
}

async function* limited(body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > maxDownload) throw new Error(`it is larger than ${maxDownload} bytes`)
    yield chunk
  }
}

async function download(kit: Kit, source: BuildpackSource, folder: string, runAs: RunAs | null): Promise<string> {
  await makeFor(folder, runAs)
  try {
    const headers = source.authorization ? { authorization: source.authorization } : undefined
    const response = await fetch(source.url, { signal: kit.signal, headers })
    if (!response.ok || !response.body) throw new Error(`the answer is ${response.status} ${response.statusText}`)
    await kit.archiver.unpack(Readable.from(limited(response.body)), folder, {
      signal: kit.signal,
      runAs,
      limits: archiveLimits,
    })
  } catch (error) {
    kit.signal.throwIfAborted()
    const { message, cause } = error as Error
    throw failure(kit, `${source.url} could not be fetched: ${cause instanceof Error ? cause.message : message}`)
  }
  // Archives made by code hosts hold one folder named after the version.
  const only = await kit.files.onlyFolder(folder)
  return only === null || only === 'bin' ? folder : join(folder, only)
}

/** @returns the folder of the buildpack. @throws BuildFailure with the reason in the output. */
export async function fetchBuildpack(
  kit: Kit,
  source: BuildpackSource,
  number: number,
  runAs: RunAs | null,
): Promise<string> {
  return source.kind === 'git'
    ? clone(kit, source, join(kit.workspace.buildpacks, String(number)))
    : download(kit, source, join(kit.workspace.archives, String(number)), runAs)
}
