// How is the router run in tests as it is installed: as a process, from one bundled file?
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { build, stop } from 'esbuild'

export type Process = { child: ChildProcess; out: () => string; err: () => string; exited: Promise<number | null> }

/** The program, in this folder. */
export async function buildProgram(folder: string): Promise<string> {
  const program = join(folder, 'router.mjs')
  const entry = new URL('main.ts', import.meta.url).pathname
  await build({
    entryPoints: [entry],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
  })
  await stop()
  return program
}

export function startProgram(program: string, env: NodeJS.ProcessEnv, ipc = false): Process {
  const child = spawn(process.execPath, [program], {
    env,
    stdio: ['ignore', 'pipe', 'pipe', ...(ipc ? (['ipc'] as const) : [])],
  })
  let out = ''
  let err = ''
  child.stdout!.on('data', (data: Buffer) => (out += data.toString()))
  child.stderr!.on('data', (data: Buffer) => (err += data.toString()))
  // 'close' comes when its output is complete, but never after disconnect().
  const exited = once(child, ipc ? 'exit' : 'close').then(([code]) => code as number | null)
  return { child, out: () => out, err: () => err, exited }
}

export async function portOf({ child, out }: Process): Promise<number> {
  while (!out().includes('\n')) await once(child.stdout!, 'data')
  return Number(/^deis-router listens on port (\d+)\n$/.exec(out())?.[1])
}
