// How much memory does a process hold, with everything that it has started, at the most while something is done?
import { readFileSync } from 'node:fs'

function text(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // It has ended.
    return ''
  }
}

function megabytesOf(pid: number): number {
  const own = Number(/^RssAnon:\s+(\d+) kB$/m.exec(text(`/proc/${pid}/status`))?.[1] ?? 0) / 1024
  const children = text(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean)
  return children.reduce((sum, child) => sum + megabytesOf(Number(child)), own)
}

/** In megabytes, of what is the processes' own. Asked often, since what is started may be there for a moment only. */
export async function heaviestDuring(pid: number, work: () => Promise<void>): Promise<number> {
  let most = megabytesOf(pid)
  const look = setInterval(() => {
    most = Math.max(most, megabytesOf(pid))
  }, 50)
  try {
    await work()
    return most
  } finally {
    clearInterval(look)
  }
}
