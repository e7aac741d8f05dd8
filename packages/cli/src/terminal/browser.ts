// How is a URL opened in the browser of the person at the terminal?
import { spawn } from 'node:child_process'
import type { Io } from './io.ts'

/** A browser that stays in the foreground is not waited for. */
const patience = 10_000

function launcher(platform: NodeJS.Platform, url: string): readonly [program: string, args: string[]] {
  if (platform === 'darwin') return ['open', [url]]
  if (platform === 'win32') return ['cmd', ['/c', 'start', '', url]]
  return ['xdg-open', [url]]
}

/** Null when it opened; otherwise why not. */
export function openInBrowser(io: Io, url: string): Promise<string | null> {
  const [program, args] = launcher(io.platform, url)
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: io.cwd, env: io.env, stdio: 'ignore', signal: io.signal })
    const timer = setTimeout(() => {
      child.unref()
      resolve(null)
    }, patience)
    const end = (why: string | null): void => {
      clearTimeout(timer)
      resolve(why)
    }
    child.on('error', (error: NodeJS.ErrnoException) =>
      end(error.code === 'ENOENT' ? `there is no ${program} here` : error.message),
    )
    child.on('close', (code) => end(code === 0 ? null : `${program} failed`))
  })
}
