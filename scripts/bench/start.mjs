// What does a PID namespace of its own cost the start of each process, beside the same start in a process group?
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { embedPrograms } from '../programs.mjs'

const programs = {
  'start of sh': { program: '/bin/sh', args: ['-c', 'exit 0'], runs: 40 },
  'start of node': { program: process.execPath, args: ['-e', '0'], runs: 20 },
}

/** The controller's own way to start programs. */
async function starter(root, folder) {
  const source = (name) => join(root, 'packages/machine/src', name)
  await build({
    entryPoints: { confine: source('confine.ts'), isolation: source('isolation.ts') },
    outdir: folder,
    bundle: true,
    platform: 'node',
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    plugins: [embedPrograms],
  })
  const load = (name) => import(pathToFileURL(join(folder, `${name}.mjs`)).href)
  const [{ startConfined }, { openIsolation }] = await Promise.all([load('confine'), load('isolation')])
  return { startConfined, isolation: await openIsolation() }
}

export async function measure({ root, scope }) {
  const folder = scope.folder()
  const { startConfined, isolation } = await starter(root, folder)
  if (isolation.kind === 'group') return [{ name: 'start', missing: 'this system makes no PID namespaces' }]
  const order = { folder, env: { PATH: isolation.path }, runAs: null, marks: [], mute: true }
  const once = async (kind, { program, args }) => {
    scope.signal.throwIfAborted()
    const from = performance.now()
    const started = await startConfined({ ...isolation, kind }, { ...order, program, args, signal: scope.signal }, [
      'ignore',
      'ignore',
      'ignore',
    ])
    const { code } = await started.exited
    if (code !== 0) throw new Error(`${program} ended with ${code}`)
    return performance.now() - from
  }
  const results = []
  for (const [name, program] of Object.entries(programs)) {
    const [ours, floor] = [[], []]
    for (let one = -1; one < program.runs; one++) {
      const times = [await once(isolation.kind, program), await once('group', program)]
      // The first fills caches.
      if (one < 0) continue
      ours.push(times[0])
      floor.push(times[1])
    }
    results.push({
      name,
      of: 'in a process group',
      unit: 'ms',
      ours,
      floor,
      details: [`from the call to its end, ${isolation.kind}`],
    })
  }
  return results
}
