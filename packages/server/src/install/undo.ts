// What does an installation that fails take back, so that the one before it can run again? The ports that it has begun to hold.
import { stat, rm } from 'node:fs/promises'
import { controllerSocket, handoverUnit, layout, routerSocket } from '../layout.ts'
import { ask } from '../machine/ask.ts'

const stopMs = 60_000

const fileOf = (unit: string): string => `${layout.units}/${unit}`

/** Sockets that are not installed: programs open these ports themselves. */
export async function absentSockets(): Promise<string[]> {
  const sockets = [controllerSocket, routerSocket]
  const found = await Promise.all(sockets.map((unit) => stat(fileOf(unit)).catch(() => null)))
  return sockets.filter((_, at) => found[at] === null)
}

/** A release from before them would find its ports in use. */
export async function removeSockets(sockets: readonly string[]): Promise<void> {
  if (sockets.includes(routerSocket)) await ask(['systemctl', 'stop', handoverUnit], stopMs)
  for (const unit of sockets) {
    await ask(['systemctl', '--quiet', 'disable', '--now', unit], stopMs)
    await rm(fileOf(unit), { force: true })
  }
  if (sockets.length > 0) await ask(['systemctl', 'daemon-reload'])
}
