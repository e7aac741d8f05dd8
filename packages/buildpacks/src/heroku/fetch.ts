// How is a buildpack fetched, as the app's user and within limits?
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { RunAs } from '@deis/machine/accounts'
import { BuildFailure } from '@deis/ports/builder'
import type { BuildpackSource } from './buildpack-url.ts'
import type { BuildContext } from '../context.ts'
import { makeFor } from '../workspace.ts'

const archiveLimits = { entries: 100_000, bytes: 2 ** 30 }
const maxDownload = 300 * 2 ** 20

function failure(context: BuildContext, reason: string): BuildFailure {
  for (const line of reason.trim().split('\n').slice(-5)) context.output.warn(line)
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

async function clone(context: BuildContext, source: BuildpackSource, folder: string): Promise<string> {
  const env = gitEnv(source)
  const git = (args: readonly string[], cwd = context.workspace.buildpacks): ReturnType<BuildContext['capture']> =>
    context.capture('git', args, { env, cwd })
  const branch = source.ref === null ? [] : [`--branch=${source.ref}`]
  let result = await git(['clone', '--quiet', '--depth=1', ...branch, '--', source.url, folder])
  if (result.code !== 0 && source.ref !== null) {
    // A commit is not a branch: the whole history is needed to find it.
    result = await git(['clone', '--quiet', '--no-checkout', '--', source.url, folder])
    if (result.code === 0) {
      const wanted = `${source.ref}^{commit}`
      const found = await git(['rev-parse', '--quiet', '--verify', '--end-of-options', wanted], folder)
      if (found.code !== 0) throw failure(context, `The buildpack has no branch, tag or commit ${source.ref}.`)
      result = await git(['checkout', '--quiet', '--detach', found.stdout.trim()], folder)
    }
  }
  if (result.code === 0 && (await context.capture('test', ['-e', '.gitmodules'], { cwd: folder })).code === 0)
    result = await git(['submodule', '--quiet', 'update', '--init', '--recursive'], folder)
  if (result.code !== 0) throw failure(context, result.stderr || 'The buildpack could not be cloned.')
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

async function download(
  context: BuildContext,
  source: BuildpackSource,
  folder: string,
  runAs: RunAs | null,
): Promise<string> {
  await makeFor(folder, runAs)
  try {
    const headers = source.authorization ? { authorization: source.authorization } : undefined
    const response = await fetch(source.url, { signal: context.signal, headers })
    if (!response.ok || !response.body) throw new Error(`the server answered ${response.status} ${response.statusText}`)
    await context.archiver.unpack(Readable.from(limited(response.body)), folder, {
      signal: context.signal,
      runAs,
      limits: archiveLimits,
    })
  } catch (error) {
    context.signal.throwIfAborted()
    const { message, cause } = error as Error
    throw failure(context, `${source.url} could not be fetched: ${cause instanceof Error ? cause.message : message}`)
  }
  // Archives made by code hosts hold one folder named after the version.
  const only = await context.files.onlyFolder(folder)
  return only === null || only === 'bin' ? folder : join(folder, only)
}

/** @returns the folder of the buildpack. @throws BuildFailure with the reason in the output. */
export async function fetchBuildpack(
  context: BuildContext,
  source: BuildpackSource,
  number: number,
  runAs: RunAs | null,
): Promise<string> {
  return source.kind === 'git'
    ? clone(context, source, join(context.workspace.buildpacks, String(number)))
    : download(context, source, join(context.workspace.archives, String(number)), runAs)
}
