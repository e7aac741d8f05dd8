// What must every scheduler do for sessions in a pod that is up?
import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Harness } from './contract-harness.ts'
import { screen } from './contract-client.ts'
import { interruptible, sessionSteps } from './contract-session-steps.ts'
import { type ContractSteps, names } from './contract-steps.ts'
import { NoSuchPod, type ObservedPod } from '../scheduler.ts'

/** Adds a byte to a file ten times a second. */
const beating = "echo ready; trap '' HUP; while :; do printf x >> beats; sleep 0.1; done"
const stillBeats = 'before=$(wc -c < beats); sleep 1; [ "$before" != "$(wc -c < beats)" ]'

/** Registers this part of the contract with vitest. */
export function execContract(harness: () => Harness, steps: ContractSteps): void {
  const { newApp, web, formation, apply, observe, settled, until } = steps
  const { simulated, real, client, exec, inside, worker } = sessionSteps(harness, steps)

  describe('sessions in a running pod', () => {
    test('a command has the environment of the pod, and does not change the pod', async () => {
      const [app, pod] = await worker()
      expect(await inside(app, pod, harness().commands.printenv('GREETING'))).toEqual([0, 'hello\n'])
      expect((await inside(app, pod, harness().commands.exit(3)))[0]).toBe(3)
      expect(names(await observe(app))).toEqual([pod?.name])
    })

    test('a command has the files and the user of the pod, and input that ends if the backend can end it', async ({
      skip,
    }) => {
      real(skip)
      const [app, pod] = await worker('id -u > mark; pwd >> mark; echo "$HOME" >> mark; sleep 600')
      const command = 'cat mark; id -u; pwd; echo "$HOME"'
      const lines = await until('the pod has written its file', async () => {
        const [, output] = await inside(app, pod, command)
        const found = output.trim().split('\n')
        return found.length === 6 && found
      })
      expect(lines.slice(3)).toEqual(lines.slice(0, 3))
      if (harness().sessions?.noInputEndInExec) return
      const one = client()
      const { exited, pod: where } = await exec(app, pod, 'cat', one)
      expect(where).toBe(pod?.name)
      const bytes = randomBytes(300_000)
      one.input.end(bytes)
      expect(await exited).toBe(0)
      expect(one.stdout().equals(bytes)).toBe(true)
    })

    test('a terminal works in a running pod, too', async ({ skip }) => {
      real(skip)
      const [app, pod] = await worker()
      const one = client({ terminal: true })
      const session = await exec(app, pod, `stty size; ${interruptible}`, one)
      await one.shows('ready')
      expect(one.stdout().toString()).toContain(`${screen.rows} ${screen.columns}\r\n`)
      one.input.write(Buffer.from([3]))
      expect(await session.exited).toBe(7)
    })

    test('a pod that does not exist, or is not up, is refused', async () => {
      const app = newApp()
      const gone = { name: `${app}-worker-0000000000-abcde` } as ObservedPod
      await expect(exec(app, gone, 'cat', client())).rejects.toThrow(NoSuchPod)
      const [other, pod] = await worker()
      await expect(exec(app, pod, 'cat', client())).rejects.toThrow(NoSuchPod)
      await apply(formation(other, 1, { worker: web(0, harness().commands.sleep) }))
      await settled(other, 0)
      await expect(exec(other, pod, 'cat', client())).rejects.toThrow(NoSuchPod)
    })

    test.each([true, false])('a cancelled command ends, and its pod runs on (terminal: %s)', async (terminal) => {
      const [app, pod] = await worker()
      const one = client({ terminal, input: terminal || !harness().sessions?.noInputEndInExec })
      const command = simulated() ? harness().commands.sleep : beating
      const { exited } = await exec(app, pod, command, one)
      const outcome = expect(exited).rejects.toThrow('enough')
      if (command === beating) await one.shows('ready')
      one.cancel.abort(new Error('enough'))
      await outcome
      if (command === beating) expect((await inside(app, pod, stillBeats))[0]).toBe(1)
      expect(await observe(app)).toEqual([pod])
    })

    test('a command ends with its pod, which does not wait for it', async () => {
      const [app, pod] = await worker()
      const one = client({ terminal: true })
      const { exited } = await exec(app, pod, harness().commands.sleep, one)
      const outcome = expect(exited).rejects.toThrow()
      await apply(formation(app, 1, { worker: web(0, harness().commands.sleep) }))
      await settled(app, 0)
      await outcome
    })
  })
}
