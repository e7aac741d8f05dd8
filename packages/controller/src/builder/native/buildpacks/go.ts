// How is a Go app built?
import { basename, join } from 'node:path'
import { BuildFailure } from '../../port.ts'
import type { Kit, More } from '../kit.ts'
import { type Buildpack, imported } from './buildpack.ts'

const imports = /^(GO(PRIVATE|PROXY|NOPROXY|SUMDB|NOSUMDB|FLAGS|EXPERIMENT)|CGO_(ENABLED|CFLAGS|LDFLAGS))$/

function settings(kit: Kit): More {
  return {
    env: {
      GOPATH: join(kit.workspace.cache, 'go'),
      GOCACHE: join(kit.workspace.cache, 'go-build'),
      // Modules are written read-only otherwise, and nobody but root could delete the cache.
      GOFLAGS: '-modcacherw',
      GOBIN: join(kit.workspace.app, 'bin'),
      ...imported(kit, imports),
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

async function compile(kit: Kit): Promise<void> {
  const version = /go1\.(\d+)\S*/.exec((await kit.capture('go', ['version'])).stdout)
  kit.output.note(version?.[0] ?? 'go')
  const names = await programs(kit)
  if (names.length === 0) throw new BuildFailure('There is no main package in this module, so there is nothing to run.')
  kit.output.title(`Building ${names.join(', ')}`)
  // No paths and no repository in the program, so that the same source gives the same slug; the flag came with 1.18.
  const flags = ['-trimpath', ...(Number(version?.[1] ?? 0) >= 18 ? ['-buildvcs=false'] : [])]
  await kit.must('go build', 'go', ['build', ...flags, '-o', 'bin/', './...'], settings(kit))
  await kit.write('.profile.d/go.sh', 'export PATH="$HOME/bin:$PATH"\n')
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
