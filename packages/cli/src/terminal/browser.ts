// How is a URL opened in the user's browser?
import { spawn } from 'node:child_process'
import type { Io } from './io.ts'

/** How long to wait for a browser that stays in the foreground. */
const deadlineMs = 10_000

function launcher(platform: NodeJS.Platform, url: string): readonly [program: string, args: string[]] {
  if (platform === 'darwin') return ['open', [url]]
  if (platform === 'win32') return ['cmd', ['/c', 'start', '', url]]
  return ['xdg-open', [url]]
}

/** Null if it opened; otherwise why not. */
export function openInBrowser(io: Io, url: string): Promise<string | null> {
  const [program, args] = launcher(io.platform, url)
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: io.cwd, env: io.env, stdio: 'ignore', signal: io.signal })
    const timer = setTimeout(() => {
      child.unref()
      resolve(null)
    }, deadlineMs)
    const end = (why: string | null): void => {
      clearTimeout(timer)
      resolve(why)
    }
    child.on('error', (error: NodeJS.ErrnoException) =>
      end(error.code === 'ENOENT' ? `${program} is not installed` : error.message),
    )
    child.on('close', (code) => end(code === 0 ? null : `${program} failed`))
  })
}
