// Does what a user reads agree with what happened, when the controller is killed at any point of a change or a push?
import { setTimeout as sleep } from 'node:timers/promises'
import type { Build, Config, Release } from '@deis/types'
import { expect, test } from 'vitest'
import { type Checkout, settings } from './app.ts'
import type { Running } from './child.ts'
import { callApi, serving } from './http.ts'
import type { Loss, LossyProxy } from './lossy-proxy.ts'
import type { Platform } from './platform.ts'

export type Stage = {
  readonly platform: Pick<Platform, 'api' | 'routerPort'>
  /** Its owner's commands go through `proxy`. */
  readonly shop: Checkout
  readonly proxy: LossyProxy
  /** Ends the controller: by SIGKILL, or by deleting its pod. */
  kill(): Promise<void>
  /** Resolves when a controller answers again. */
  comeBack(): Promise<void>
}

/** What the API says of the app, asked without the proxy. */
async function facts<T>({ platform, shop }: Stage, what: string): Promise<T> {
  const { status, body } = await callApi(platform, await shop.owner.token(), 'GET', `/v2/apps/${shop.app}/${what}`)
  if (status !== 200) throw new Error(`${what} answers ${status}: ${body}`)
  return JSON.parse(body) as T
}

export async function releases(stage: Stage): Promise<Release[]> {
  return (await facts<{ results: Release[] }>(stage, 'releases/?limit=1000')).results
}

export type Point = { readonly name: string; readonly when: 'arrival' | 'passed' | 'answer'; readonly ms: number }

/** Ten points, from before the controller has it to after it has answered. */
const changePoints: readonly Point[] = [
  { name: 'before the controller has it', when: 'arrival', ms: 0 },
  ...[0, 5, 10, 20, 40, 80, 160, 320].map((ms) => ({
    name: `${ms} ms after it was passed on`,
    when: 'passed' as const,
    ms,
  })),
  { name: 'when it has answered, which is lost', when: 'answer', ms: 0 },
]

/** Kills the controller at a point of the next change, and starts it again. Resolves when it is back. */
function killAt(stage: Stage, { when, ms }: Point, loss: Loss): Promise<void> {
  const { proxy } = stage
  proxy.lose(loss)
  return new Promise((resolve, reject) => {
    proxy.atNext(when, async () => {
      await sleep(ms)
      await stage.kill()
      // Who waits for the answer is lost at once.
      if (when === 'answer') proxy.cut()
      stage.comeBack().then(resolve, reject)
    })
  })
}

export function changeSteps(open: () => Stage, points = changePoints): void {
  test.each(points.map((point, index) => ({ ...point, index })))(
    'config:set, the controller is killed $name: it is done once, and said so',
    async (point) => {
      const stage = open()
      const { shop, platform } = stage
      const [before] = await releases(stage)
      const greeting = `point ${point.index}`
      const back = killAt(stage, point, point.index % 2 === 0 ? 'reset' : '502')
      const said = await shop.deis('config:set', `GREETING=${greeting}`)
      await back
      const [now, previous] = await releases(stage)
      expect(said).toMatchObject({
        code: 0,
        stdout: expect.stringContaining(`Creating config... done\n\n=== ${shop.app} Config\n`) as string,
        // Nothing but that it waits.
        stderr: expect.stringMatching(/^( ! {4}The (controller|connection) .*; waiting .*\n)*$/) as string,
      })
      expect(said.stdout).toMatch(new RegExp(`^GREETING +${greeting}$`, 'm'))
      expect([now?.version, previous?.version]).toEqual([(before?.version ?? 0) + 1, before?.version])
      expect((await facts<Config>(stage, 'config/')).values).toMatchObject({ GREETING: greeting })
      await serving(platform, shop.app, { greeting, release: `v${now?.version}` })
    },
  )

  test('a deploy that fails after the controller was killed in it is reported as usual, and what ran before runs', async () => {
    const stage = open()
    const { shop, platform } = stage
    const [before] = await releases(stage)
    const back = killAt(stage, { name: '', when: 'passed', ms: 100 }, '502')
    const said = await shop.deis('config:set', 'BOOT=crash')
    await back
    expect(said.code).toBe(1)
    const version = (before?.version ?? 0) + 1
    expect(said.stderr).toContain(
      `Error: (app::deploy): There was a problem deploying v${version}. Rolling back process types to release v${before?.version}.\n`,
    )
    expect((await releases(stage))[0]).toMatchObject({ version, failed: true })
    expect((await facts<Config>(stage, 'config/')).values).not.toHaveProperty('BOOT')
    await serving(platform, shop.app, { release: `v${before?.version}` })
  })

  test('scale: what is stored is done by the next controller, and reported when it runs', async () => {
    const stage = open()
    const back = killAt(stage, { name: '', when: 'passed', ms: 30 }, 'reset')
    expect(await stage.shop.deis('scale', 'web=2')).toMatchObject({ code: 0 })
    await back
    expect((await stage.shop.does('ps')).match(/ up \(v/g)).toHaveLength(2)
    await stage.shop.does('scale', 'web=1')
  })

  test('a connection that breaks while the controller keeps running goes unnoticed', async () => {
    const stage = open()
    const [before] = await releases(stage)
    stage.proxy.atNext('passed', async () => stage.proxy.cut())
    const said = await stage.shop.deis('config:set', 'GREETING=cut')
    expect(said).toMatchObject({ code: 0, stdout: expect.stringContaining('GREETING      cut\n') as string })
    expect((await releases(stage))[0]?.version).toBe((before?.version ?? 0) + 1)
  })
}

export type PushPoint = { readonly says: string | null; readonly ms: number }

const pushPoints: readonly PushPoint[] = [
  { says: null, ms: 60 },
  { says: null, ms: 250 },
  { says: 'Starting build', ms: 0 },
  { says: 'If this connection breaks', ms: 20 },
  { says: 'Discovering process types', ms: 0 },
  { says: 'Compiled slug size', ms: 0 },
  { says: 'Launching App...', ms: 0 },
  { says: 'Launching App...', ms: 60 },
  { says: 'Launching App...', ms: 200 },
  { says: 'deployed to Workflow', ms: 0 },
]

/** The command that the push told early on; null when it came not so far. */
export function toldBuild(output: string): string | null {
  return /see the rest with: deis builds:logs ([0-9a-f-]{36}) --follow --app \S+/.exec(output)?.[1] ?? null
}

async function reached(push: Running, { says, ms }: PushPoint): Promise<void> {
  if (says !== null) await push.says(says)
  await sleep(ms)
}

/** Looks where the push says, and compares that with what runs. */
async function compare(stage: Stage, output: string, code: number | null, message: string, old: string): Promise<void> {
  const { shop, platform } = stage
  const uuid = toldBuild(output)
  const taken = code === 0
  if (uuid === null) {
    expect(taken).toBe(false)
    await serving(platform, shop.app, { message: old })
    return
  }
  const look = await shop.deis('builds:logs', uuid, '--follow', '--app', shop.app)
  const made = (await releases(stage)).filter(({ build }) => build === uuid)
  const { status } = await facts<Build>(stage, `builds/${uuid}/`)
  if (look.code === 0) {
    expect({ status, made: made.map(({ failed }) => failed ?? false) }).toEqual({ status: 'succeeded', made: [false] })
    await serving(platform, shop.app, { message, release: `v${made[0]?.version}` })
    return
  }
  expect({ taken, made }).toEqual({ taken: false, made: [] })
  expect(look.stderr).toContain(`Build ${uuid} `)
  await serving(platform, shop.app, { message: old })
}

export function pushSteps(open: () => Stage, points = pushPoints): void {
  let old = 'hello'
  test.each(points.map((point, index) => ({ ...point, index })))(
    'git push, the controller is killed $ms ms after "$says": where it says to look is what happened',
    async ({ index, ...point }) => {
      const stage = open()
      const { shop, platform } = stage
      const message = `push ${index}`
      await shop.commit(settings({ message }))
      const push = shop.startPush()
      await reached(push, point)
      await stage.kill()
      const { code } = await push.ended
      await stage.comeBack()
      expect(push.output().match(/see the rest with/g)?.length ?? 0).toBeLessThanOrEqual(1)
      await compare(stage, push.output(), code, message, old)
      // The same push works now, whatever became of the first.
      expect(await shop.push()).toMatchObject({ code: 0 })
      await serving(platform, shop.app, { message })
      old = message
    },
  )
}
