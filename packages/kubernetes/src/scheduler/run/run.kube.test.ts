// Does a command run to its end in a pod, with all its output, and is nothing of it left?
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createKube, type Kube } from '../../client/client.ts'
import { type Pod, pathOf, type ResourceQuota } from '../../client/objects.ts'
import { isClusterThere, makeSpace } from '../../client/testing.ts'
import { loadTransport } from '../../client/transport.ts'
import { watchAll, type Watched } from '../../client/watch.ts'
import { controllerKey } from '../../cluster/labels.ts'
import { oneOffName } from '@deis/ports/names'
import { DeployFailure } from '@deis/ports/scheduler'
import { platformAnnotation } from '../manifests/labels.ts'
import { cleanOneOffs, runOneOff } from './run.ts'

const never = new AbortController().signal

describe.skipIf(!isClusterThere)('one-off commands', () => {
  const busybox = `${process.env.TEST_REGISTRY}/busybox:1`
  let kube: Kube
  let space = ''
  let pods: Watched<Pod>
  const warnings: unknown[] = []
  beforeAll(async () => {
    kube = createKube((await loadTransport()).transport)
    space = await makeSpace(kube, 'kl-run')
    pods = await watchAll<Pod>(kube, pathOf('v1/Pod', space), { trouble: (error) => void warnings.push(error) })
  })
  afterEach(async () => {
    expect(warnings).toEqual([])
    // A command with a watch of its own may be ahead of this one.
    await expect.poll(() => pods.all().map(({ metadata }) => metadata?.name), { timeout: 60_000 }).toEqual([])
  })
  afterAll(async () => {
    await pods.close()
    await kube.remove(pathOf('v1/Namespace', undefined, space))
    kube.close()
  })

  type Extra = {
    image?: string
    memory?: string
    nodeSelector?: Record<string, string>
    controller?: string
    platform?: string
  }
  const manifest = (command: readonly string[], extra: Extra = {}): Pod => ({
    metadata: {
      name: oneOffName(space),
      namespace: space,
      labels: { app: space, version: 'v1', type: 'run', heritage: 'deis' },
      // Without it nobody else who uses the cluster takes them for pods of a dead controller.
      annotations:
        extra.controller === undefined
          ? {}
          : { [controllerKey]: extra.controller, [platformAnnotation]: extra.platform ?? 'ours' },
    },
    spec: {
      automountServiceAccountToken: false,
      nodeSelector: extra.nodeSelector ?? {},
      containers: [
        {
          name: `${space}-run`,
          image: extra.image ?? busybox,
          command: [...command],
          resources: extra.memory === undefined ? {} : { limits: { memory: extra.memory } },
        },
      ],
    },
  })
  const log = (_level: string, message: string, fields: object): void => void warnings.push({ message, ...fields })
  type Options = { seconds?: number; start?: number; signal?: AbortSignal; own?: boolean }
  const run = async (pod: Pod, { seconds = 60, start = 60, signal = never, own = false }: Options = {}) => {
    let printed = ''
    const deps = { kube, log, ...(own ? {} : { pods }) }
    const limits = { timeoutSeconds: seconds, startSeconds: start }
    const output = (chunk: string): void => void (printed += chunk)
    const code = await runOneOff(deps, pod, limits, { output, signal }).catch((error: unknown) => error)
    return { code, printed }
  }
  const shell = (script: string, extra: Extra = {}): Pod => manifest(['sh', '-c', script], extra)

  test.each([
    {
      title: 'its output and code',
      script: 'echo out; sleep 0.2; echo err >&2; exit 3',
      code: 3,
      printed: 'out\nerr\n',
    },
    { title: 'nothing', script: 'true', code: 0, printed: '' },
    { title: 'a last line without end', script: 'printf "one\\ntwo"', code: 0, printed: 'one\ntwo' },
    // As process 1 a shell cannot end itself: a child of it can.
    { title: 'a signal as 128+N', script: 'sh -c "kill -TERM \\$\\$"; exit $?', code: 143, printed: 'Terminated\n' },
    { title: 'umlauts', script: 'printf "ä€😀\\n"', code: 0, printed: 'ä€😀\n' },
  ])('gives $title', async ({ script, code, printed }) => {
    expect(await run(shell(script))).toEqual({ code, printed })
  })

  test('gives all of much output, in long lines and to the last byte, without a watch from outside', async () => {
    const script =
      'i=0; while [ $i -lt 20 ]; do head -c 50000 /dev/zero | tr "\\0" a; echo; i=$((i+1)); done; printf end'
    const { code, printed } = await run(shell(script), { own: true })
    expect(code).toBe(0)
    expect(printed.length).toBe(20 * 50_001 + 3)
    expect(printed).toBe(`${'a'.repeat(50_000)}\n`.repeat(20) + 'end')
  })

  test('comes as it is made', async () => {
    const cancel = new AbortController()
    let printed = ''
    const done = runOneOff(
      { kube, pods, log },
      shell('echo first; sleep 300'),
      { timeoutSeconds: 60 },
      {
        output(chunk) {
          printed += chunk
          cancel.abort(new Error('seen'))
        },
        signal: cancel.signal,
      },
    )
    await expect(done).rejects.toThrow('seen')
    expect(printed).toBe('first\n')
  })

  test('cancelled, it has stopped and is gone, whatever it was doing', async () => {
    const cancel = new AbortController()
    const reason = new Error('enough')
    const running = run(shell('trap "" TERM; echo up; sleep 300 & wait; sleep 300'), { signal: cancel.signal })
    await expect.poll(() => pods.all()[0]?.status?.phase, { timeout: 20_000 }).toBe('Running')
    cancel.abort(reason)
    expect((await running).code).toBe(reason)
    const before = new AbortController()
    before.abort(reason)
    expect((await run(shell('true'), { signal: before.signal })).code).toBe(reason)
    const during = new AbortController()
    const starting = run(shell('sleep 300'), { signal: during.signal })
    await sleep(5)
    during.abort(reason)
    expect((await starting).code).toBe(reason)
    await sleep(300)
  })

  test('out of time', async () => {
    const started = Date.now()
    const { code, printed } = await run(shell('echo begun; exec sleep 300'), { seconds: 1.5 })
    expect(code).toMatchObject({ name: 'TimeoutError', message: 'the command ran longer than 1.5 s' })
    expect(printed).toBe('begun\n')
    expect(Date.now() - started).toBeLessThan(20_000)
  })

  test('the cluster itself would end it', async () => {
    const cancel = new AbortController()
    const running = run(shell('sleep 300'), { seconds: 7.2, start: 20, signal: cancel.signal })
    await expect
      .poll(() => pods.all()[0]?.spec, { timeout: 20_000 })
      .toMatchObject({
        restartPolicy: 'Never',
        activeDeadlineSeconds: 88,
      })
    cancel.abort()
    await running
  })

  test('out of memory, it says so', async () => {
    const { code, printed } = await run(shell('exec tail /dev/zero', { memory: '16Mi' }))
    expect(code).toBe(137)
    expect(printed).toContain('\nThe command used more memory than its limit (16Mi) and was killed (OOMKilled).\n')
  })

  test.each<{ title: string; pod: () => Pod; start?: number; cause: RegExp; evidence: RegExp }>([
    {
      title: 'an image that is not there',
      pod: () => shell('true', { image: `${process.env.TEST_REGISTRY}/nothing-here:1` }),
      cause: /image of the command cannot be pulled: .*nothing-here:1/,
      evidence: /not found/,
    },
    {
      title: 'an image without a shell',
      pod: () => shell('true', { image: `${process.env.TEST_REGISTRY}/pause:1` }),
      cause: /cannot be started/,
      evidence: /no such file/,
    },
    {
      title: 'a node that is not there',
      pod: () => shell('true', { nodeSelector: { disk: 'square' } }),
      start: 6,
      cause: /does not fit on any node/,
      evidence: /0\/1 nodes are available/,
    },
    {
      title: 'an invalid name of an image',
      pod: () => shell('true', { image: 'UPPER//x' }),
      cause: /invalid name/,
      evidence: /InvalidImageName|invalid reference|parse/,
    },
    {
      title: 'a secret that is not there',
      pod: () => {
        const pod = shell('true')
        const volumeMounts = [{ name: 'v', mountPath: '/v' }]
        const containers = (pod.spec?.containers ?? []).map((one) => ({ ...one, volumeMounts }))
        return { ...pod, spec: { containers, volumes: [{ name: 'v', secret: { secretName: 'not-there' } }] } }
      },
      start: 3,
      cause: /was not started within 3 s/,
      evidence: /^ContainerCreating/,
    },
  ])('names $title', async ({ pod, start = 60, cause, evidence }) => {
    const { code, printed } = await run(pod(), { start })
    expect(code).toBeInstanceOf(DeployFailure)
    const failure = code as DeployFailure
    expect(failure.message).toMatch(cause)
    expect(failure.evidence.join('\n')).toMatch(evidence)
    expect(failure.hint).not.toBe('')
    expect(printed).toBe('')
  })

  test('names a pod that is refused', async () => {
    const { code } = await run(shell('true', { memory: '-5' }))
    expect(code).toMatchObject({
      name: 'DeployFailure',
      message: expect.stringContaining('Kubernetes refuses its pod'),
    })
  })

  test('a pod deleted from outside is reported', async () => {
    const running = run(shell('sleep 300'))
    await expect.poll(() => pods.all()[0]?.status?.phase, { timeout: 20_000 }).toBe('Running')
    await kube.remove(pathOf('v1/Pod', space, pods.all()[0]?.metadata?.name), { graceSeconds: 0 })
    expect((await running).code).toMatchObject({ message: 'the pod of the command was deleted while it ran' })
  })

  test('what dead controllers have left is deleted, the rest stays', async () => {
    const create = async (controller: string, platform = 'ours'): Promise<string> => {
      const pod = shell('sleep 300', { controller, platform })
      await kube.create(pathOf('v1/Pod', space), { apiVersion: 'v1', kind: 'Pod', ...pod })
      return pod.metadata?.name ?? ''
    }
    const mine = await create('lives')
    const other = await create('dead', 'another platform')
    await create('dead')
    await create('dead')
    const asked: string[] = []
    const alive = async (controller: string): Promise<boolean> => {
      asked.push(controller)
      // Other suites share the cluster.
      return controller !== 'dead'
    }
    expect(await cleanOneOffs({ kube, platform: 'ours', alive })).toBe(2)
    await expect
      .poll(
        () =>
          pods
            .all()
            .map(({ metadata }) => metadata?.name ?? '')
            .toSorted(),
        { timeout: 60_000 },
      )
      .toEqual([mine, other].toSorted())
    expect(asked.filter((one) => one === 'dead')).toEqual(['dead'])
    for (const name of [mine, other]) await kube.remove(pathOf('v1/Pod', space, name), { graceSeconds: 0 })
    await expect.poll(() => pods.all(), { timeout: 60_000 }).toEqual([])
  })

  // The last one: the server may remember the quota for a while.
  test('names a full quota', async () => {
    const name = `${space}-quota`
    await kube.apply<ResourceQuota>({
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name, namespace: space },
      spec: { hard: { pods: '0' } },
    })
    try {
      // The server admits pods until it has seen the quota itself.
      await expect
        .poll(async () => (await run(shell('true'))).code, { timeout: 60_000 })
        .toMatchObject({
          message: 'the command cannot be started: the quota of the app is used up',
          evidence: [expect.stringContaining('exceeded quota')],
        })
    } finally {
      await kube.remove(pathOf('v1/ResourceQuota', space, name))
    }
  })
})
