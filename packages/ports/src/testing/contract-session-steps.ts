// Which steps do the tests of sessions in the scheduler contract share?
import type { Harness } from './contract-harness.ts'
import { type Client, openClient } from './contract-client.ts'
import type { ContractSteps } from './contract-steps.ts'
import type { ObservedPod, Session } from '../scheduler.ts'

/** Prints `ready`, exits with 7 on INT, and runs on otherwise. */
export const interruptible = "trap 'echo caught; exit 7' INT; echo ready; while :; do sleep 0.1; done"

export function sessionSteps(
  harness: () => Harness,
  { newApp, web, formation, apply, settled, oneOff }: ContractSteps,
) {
  const simulated = (): boolean => harness().sessions?.simulated ?? false
  /** Skips a test that needs a real shell. */
  const real = (skip: (why: string) => void): void => {
    if (simulated()) skip('nothing really runs here')
  }
  const client = (options: Parameters<typeof openClient>[0] = {}): Client =>
    openClient({ patience: harness().patience ?? 1, ...options })
  const open = (app: string, command: string, { io }: Client): Promise<Session> =>
    harness().scheduler().open(oneOff(app, command), io)
  const exec = (app: string, pod: ObservedPod | undefined, command: string, { io }: Client): Promise<Session> =>
    harness()
      .scheduler()
      .exec({ app, pod: pod?.name ?? 'none', command }, io)
  /** Runs a command in a pod to its end. */
  const inside = async (app: string, pod: ObservedPod | undefined, command: string): Promise<[number, string]> => {
    const one = client({ input: false })
    const { exited } = await exec(app, pod, command, one)
    return [await exited, one.stdout().toString()]
  }
  const worker = async (command = harness().commands.sleep): Promise<[app: string, pod: ObservedPod | undefined]> => {
    const app = newApp()
    await apply(formation(app, 1, { worker: web(1, command) }, { env: { GREETING: 'hello' } }))
    const [pod] = await settled(app, 1)
    return [app, pod]
  }
  return { simulated, real, client, open, exec, inside, worker }
}
