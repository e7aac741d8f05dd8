// How is a Go app built?
import { basename, join } from 'node:path'
import { BuildFailure } from '@deis/ports/builder'
import { toolConfig } from '../environment.ts'
import type { BuildContext, More } from '../context.ts'
import type { Buildpack } from './buildpack.ts'

function settings(context: BuildContext): More {
  const { env } = toolConfig(context.config)
  return {
    env: {
      ...env,
      GOPATH: join(context.workspace.cache, 'go'),
      GOCACHE: join(context.workspace.cache, 'go-build'),
      // Modules are written read-only otherwise, and nobody but root could delete the cache.
      GOFLAGS: `-modcacherw ${env.GOFLAGS ?? ''}`.trim(),
      GOBIN: join(context.workspace.app, 'bin'),
    },
  }
}

/** The names of the programs that the module makes. */
async function programs(context: BuildContext): Promise<string[]> {
  const format = '{{if eq .Name "main"}}{{.Target}}{{end}}'
  const { code, stdout, stderr } = await context.capture('go', ['list', '-f', format, './...'], settings(context))
  if (code !== 0) throw new BuildFailure(`go list failed: ${stderr.trim().split('\n').at(-1)}`, code)
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((target) => basename(target))
}

/** Go itself tries to fetch what it needs from 1.21 on, and otherwise fails late, with the first thing it does not know. */
async function checkVersion(context: BuildContext, minor: number): Promise<void> {
  const wanted = /^go[ \t]+1\.(\d{1,4})/m.exec((await context.files.read('go.mod')) ?? '')
  if (wanted && Number(wanted[1]) > minor)
    context.output.warn(
      `go.mod asks for Go 1.${wanted[1]}, and this machine has Go 1.${minor}. Install a newer one if the build fails.`,
    )
}

async function compile(context: BuildContext): Promise<Record<string, string>> {
  const version = /go1\.(\d+)\S*/.exec(
    (await context.capture('go', ['version'], { env: { GOTOOLCHAIN: 'local' } })).stdout,
  )
  context.output.note(version?.[0] ?? 'go')
  await checkVersion(context, Number(version?.[1] ?? 0))
  const names = await programs(context)
  if (names.length === 0) throw new BuildFailure('There is no main package in this module, so there is nothing to run.')
  context.output.title(`Building ${names.join(', ')}`)
  // No paths and no repository in the program, so that the same source gives the same slug; the flag came with 1.18.
  const flags = ['-trimpath', ...(Number(version?.[1] ?? 0) >= 18 ? ['-buildvcs=false'] : [])]
  await context.must('go build', 'go', ['build', ...flags, '-o', 'bin/', './...'], settings(context))
  await context.write('.profile.d/go.sh', 'export PATH="$HOME/bin:$PATH"\n')
  return { PATH: `${join(context.workspace.app, 'bin')}:${context.env.PATH}` }
}

export const go: Buildpack = {
  name: 'Go',
  looksFor: 'go.mod',
  tool: { command: 'go', args: ['version'] },
  detect: (files) => files.has('go.mod'),
  compile,
  async release(context): Promise<Record<string, string>> {
    const names = await programs(context)
    const [only] = names.length === 1 ? names : names.filter((name) => name === 'web' || name === 'server')
    if (only !== undefined) return { web: `bin/${only}` }
    context.output.note(`There are several programs (${names.join(', ')}): add a Procfile that says which one is web.`)
    return {}
  },
}
