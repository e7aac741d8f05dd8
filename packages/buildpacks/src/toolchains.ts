// Which toolchains can builds use on this machine?
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Check } from '@deis/types'
import { builtIn } from './built-in.ts'

const run = promisify(execFile)
const nobody = 65_534

/** Tried as a user without rights when builds run as other users than the platform, because that is what counts. */
export async function toolchains(path: string, isolated: boolean): Promise<Check[]> {
  const checks = builtIn
    .filter(({ tool }) => tool !== null)
    .map(async ({ name, tool }): Promise<Check> => {
      const { command, args } = tool ?? { command: '', args: [] }
      const check = { name: `${name} builds` }
      try {
        const { stdout } = await run(command, [...args], {
          env: { PATH: path, HOME: '/nonexistent', LANG: 'C.UTF-8' },
          cwd: '/',
          timeout: 10_000,
          ...(isolated ? { uid: nobody, gid: nobody } : {}),
        })
        return { ...check, status: 'ok', detail: stdout.trim().split('\n')[0] ?? '' }
      } catch {
        return {
          ...check,
          status: 'missing',
          detail: `${command} does not work here: install it, or set BUILDPACK_URL`,
        }
      }
    })
  const dockerfiles: Check = {
    name: 'Dockerfile builds',
    status: 'missing',
    detail: 'one machine without a container runtime: use buildpacks, or run the platform on Docker or Kubernetes',
  }
  return [...(await Promise.all(checks)), dockerfiles]
}
