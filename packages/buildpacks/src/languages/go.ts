// How is a Go app built?
import { basename, join } from 'node:path'
import { BuildFailure } from '@deis/ports/builder'
import { toolConfig } from '../environment.ts'
import type { Kit, More } from '../context.ts'
import type { Buildpack } from './buildpack.ts'

function settings(kit: Kit): More {
  const { env } = toolConfig(kit.config)
  return {
    env: {
      ...env,
      GOPATH: join(kit.workspace.cache, 'go'),
      GOCACHE: join(kit.workspace.cache, 'go-build'),
      // Modules are written read-only otherwise, and nobody but root could delete the cache.
      GOFLAGS: `-modcacherw ${env.GOFLAGS ?? ''}`.trim(),
      GOBIN: join(kit.workspace.app, 'bin'),
    },
  }
}

/** The names of the programs that the module makes. */
async function programs(kit: Kit): Promise<string[]> {
  const format = '{{if eq .Name "main"}}{{.Target}}{{end}}'
  const { code, stdout, stderr } = await kit.capture('go', ['list', '-f', format, './...'], settings(kit))
  if (code !== 0) throw new BuildFailure(`go list failed: ${stderr.trim().split('\n').at(-1)}`, code)
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((target) => basename(target))
}

/** Go itself tries to fetch what it needs from 1.21 on, and otherwise fails late, with the first thing it does not know. */
async function checkVersion(kit: Kit, minor: number): Promise<void> {
  const wanted = /^go[ \t]+1\.(\d{1,4})/m.exec((await kit.files.read('go.mod')) ?? '')
  if (wanted && Number(wanted[1]) > minor)
    kit.output.warn(
      `go.mod asks for Go 1.${wanted[1]}, this machine has Go 1.${minor}: install a newer one if it fails.`,
    )
}

async function compile(kit: Kit): Promise<Record<string, string>> {
  const version = /go1\.(\d+)\S*/.exec((await kit.capture('go', ['version'], { env: { GOTOOLCHAIN: 'local' } })).stdout)
  kit.output.note(version?.[0] ?? 'go')
  await checkVersion(kit, Number(version?.[1] ?? 0))
  const names = await programs(kit)
  if (names.length === 0) throw new BuildFailure('There is no main package in this module, so there is nothing to run.')
  kit.output.title(`Building ${names.join(', ')}`)
  // No paths and no repository in the program, so that the same source gives the same slug; the flag came with 1.18.
  const flags = ['-trimpath', ...(Number(version?.[1] ?? 0) >= 18 ? ['-buildvcs=false'] : [])]
  await kit.must('go build', 'go', ['build', ...flags, '-o', 'bin/', './...'], settings(kit))
  await kit.write('.profile.d/go.sh', 'export PATH="$HOME/bin:$PATH"\n')
  return { PATH: `${join(kit.workspace.app, 'bin')}:${kit.env.PATH}` }
}

export const go: Buildpack = {
  name: 'Go',
  looksFor: 'go.mod',
  tool: { command: 'go', args: ['version'] },
  detect: (files) => files.has('go.mod'),
  compile,
  async release(kit): Promise<Record<string, string>> {
    const names = await programs(kit)
    const [only] = names.length === 1 ? names : names.filter((name) => name === 'web' || name === 'server')
    if (only !== undefined) return { web: `bin/${only}` }
    kit.output.note(`There are several programs (${names.join(', ')}): say in a Procfile which one is web.`)
    return {}
  },
}
