// How does the controller end for an upgrade, so that what is sent to its ports waits for the next one?
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '../failure.ts'
import type { Io } from '../io.ts'
import { controllerDropIn, controllerSocket, controllerUnit } from '../layout.ts'
import { ask } from '../machine/ask.ts'

/** More than the controller gives pushes that run, and what else it needs to end. */
const endSeconds = 660
const stopMs = 95_000
const sayAfterMs = 2_000
const lookMs = 200

/** USR2 lets pushes end, TERM only those that are nearly done. */
export type Signal = 'SIGUSR2' | 'SIGTERM'

type Told = Pick<Io, 'out' | 'signal'>

/**
 * A restart whose second half waits for the end of this process: a stop would close the ports. The next release is started by
 * another restart; if this process is killed, the installed one starts.
 */
const waitsForUs = (signal: Signal): string => `[Service]
KillSignal=${signal}
TimeoutStopSec=${endSeconds}
TimeoutStartSec=infinity
ExecStartPre=/usr/bin/tail --pid=${process.pid} --sleep-interval=0.2 --follow /dev/null
`

async function systemctl(...args: string[]): Promise<void> {
  const { code, stderr } = await ask(['systemctl', ...args], stopMs)
  if (code !== 0) throw new Failure(`the controller could not be stopped: ${stderr.trim()}`)
}

async function stateOf(unit: string): Promise<string> {
  return (await ask(['systemctl', 'show', '--property=SubState', '--value', '--', unit])).stdout.trim()
}

/** Until only its start is left. @throws Failure */
async function ended({ out, signal }: Told): Promise<void> {
  const began = Date.now()
  let isSaid = false
  for (;;) {
    signal.throwIfAborted()
    const state = await stateOf(controllerUnit)
    if (state === 'start-pre') return
    const waited = Date.now() - began
    if (waited > endSeconds * 1000)
      throw new Failure(`the controller did not end within ${endSeconds} s: it is "${state}"`)
    if (waited > sayAfterMs && !isSaid) {
      out('waiting for the pushes that run, at most 10 minutes')
      isSaid = true
    }
    await sleep(lookMs, undefined, { signal })
  }
}

/** Where its ports are its own, they are closed. */
export async function pauseController(signal: Signal, told: Told): Promise<void> {
  const held = await stateOf(controllerSocket)
  if (held !== 'running' && held !== 'listening') return systemctl('stop', controllerUnit)
  await mkdir(controllerDropIn, { recursive: true })
  await writeFile(`${controllerDropIn}/upgrade.conf`, waitsForUs(signal))
  await systemctl('daemon-reload')
  await systemctl('restart', '--no-block', controllerUnit)
  await ended(told)
  // The next one that reads the units, which is the program that installs, does not find it.
  await rm(`${controllerDropIn}/upgrade.conf`)
}

/** It is ended and started as usual from now on. */
export async function resumeController(): Promise<void> {
  await rm(`${controllerDropIn}/upgrade.conf`, { force: true })
  await ask(['systemctl', 'daemon-reload'])
  // Where it was stopped, and nothing has started it since.
  await ask(['systemctl', 'start', '--no-block', controllerUnit])
}
