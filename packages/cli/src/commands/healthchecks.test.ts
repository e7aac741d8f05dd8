// Do the commands for health checks send, print and exit as in the contract?
import { describe, expect, test } from 'vitest'
import { deis, homeOf, startController } from '../testbed.ts'

const path = '/v2/apps/foo/config/'

async function against(healthcheck: object) {
  const controller = await startController({
    [`GET ${path}`]: { json: { healthcheck } },
    [`POST ${path}`]: { status: 201, json: { healthcheck } },
  })
  return { controller, home: homeOf(controller) }
}

const numbers = {
  initialDelaySeconds: 50,
  timeoutSeconds: 50,
  periodSeconds: 10,
  successThreshold: 1,
  failureThreshold: 3,
}
const shown = `Initial Delay (seconds): 50
Timeout (seconds): 50
Period (seconds): 10
Success Threshold: 1
Failure Threshold: 3
`
const none = `--- Liveness
No liveness probe configured.

--- Readiness
No readiness probe configured.
`

describe('healthchecks:list', () => {
  const healthcheck = {
    worker: { livenessProbe: { ...numbers, exec: { command: ['/bin/test', '-f'] } }, readinessProbe: null },
    'web/cmd': {
      livenessProbe: { ...numbers, tcpSocket: { port: 1500 } },
      readinessProbe: {
        ...numbers,
        httpGet: {
          path: '/',
          port: 80,
          httpHeaders: [
            { name: 'X', value: 'y' },
            { name: 'Z', value: 'w' },
          ],
        },
      },
    },
  }
  const worker = `worker:
--- Liveness
${shown}Exec Probe: Command=[/bin/test -f]
HTTP GET Probe: N/A
TCP Socket Probe: N/A

--- Readiness
No readiness probe configured.
`

  test('shows every type in order', async () => {
    const { home } = await against(healthcheck)
    expect(await deis(['healthchecks', '-a', 'foo'], { home })).toMatchObject({
      code: 0,
      stderr: '',
      stdout: `=== foo Healthchecks

web/cmd:
--- Liveness
${shown}Exec Probe: N/A
HTTP GET Probe: N/A
TCP Socket Probe: Port=1500

--- Readiness
${shown}Exec Probe: N/A
HTTP GET Probe: Path="/" Port=80 HTTPHeaders=[X=y Z=w]
TCP Socket Probe: N/A

${worker}`,
    })
  })

  test.each([
    ['one type', healthcheck, ['--type=worker'], worker],
    ['a type without any', {}, ['--type', 'web'], `web:\n${none}`],
    ['none at all', {}, [], 'No health checks configured.\n'],
  ])('%s', async (_, checks, options, stdout) => {
    const { home } = await against(checks)
    expect(await deis(['healthchecks:list', '-a', 'foo', ...options], { home })).toMatchObject({
      code: 0,
      stdout: `=== foo Healthchecks\n\n${stdout}`,
    })
  })
})

describe('healthchecks:set', () => {
  test.each([
    [['liveness', 'httpGet', '80'], { 'web/cmd': { livenessProbe: { ...numbers, httpGet: { path: '/', port: 80 } } } }],
    [
      ['readiness', 'httpGet', '8080', '-p', '/up', '--type', 'web', '--headers=A: b,C:d:e', '--period-seconds=5'],
      {
        web: {
          readinessProbe: {
            ...numbers,
            periodSeconds: 5,
            httpGet: {
              path: '/up',
              port: 8080,
              httpHeaders: [
                { name: 'A', value: 'b' },
                { name: 'C', value: 'd:e' },
              ],
            },
          },
        },
      },
    ],
    [
      ['liveness', 'exec', '--', 'sh', '-c', 'true', '--type', 'x'],
      { 'web/cmd': { livenessProbe: { ...numbers, exec: { command: ['sh', '-c', 'true', '--type', 'x'] } } } },
    ],
    [
      [
        'liveness',
        'tcpSocket',
        '1500',
        '--initial-delay-timeout=1',
        '--timeout-seconds=2',
        '--success-threshold=1',
        '--failure-threshold=9',
      ],
      {
        'web/cmd': {
          livenessProbe: {
            ...numbers,
            initialDelaySeconds: 1,
            timeoutSeconds: 2,
            failureThreshold: 9,
            tcpSocket: { port: 1500 },
          },
        },
      },
    ],
  ])('%j', async (words, healthcheck) => {
    const { controller, home } = await against(healthcheck)
    const { code, stdout, stderr } = await deis(['healthchecks:set', '-a', 'foo', ...words], { home })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(
      new RegExp(
        `^Applying ${words[0]}Probe healthcheck\\.\\.\\. done\n\n=== foo Healthchecks\n\n\\S+:\n--- Liveness\n`,
      ),
    )
    expect(controller.requests[0]?.slice(`POST ${path} `.length)).toBe(JSON.stringify({ healthcheck }))
    expect(controller.requests).toHaveLength(1)
  })

  test.each([
    [
      ['live', 'httpGet', '80'],
      "command-argument value 'live' is invalid for argument 'health-type'. Allowed choices are liveness, readiness.",
    ],
    [
      ['liveness', 'http', '80'],
      "command-argument value 'http' is invalid for argument 'probe-type'. Allowed choices are httpGet, exec, tcpSocket.",
    ],
    [['liveness', 'exec'], "missing required argument 'args'"],
    [['liveness', 'httpGet', '/'], '"/" is not a port.'],
    [['liveness', 'tcpSocket', '70000'], '"70000" is not a port.'],
    [['liveness', 'tcpSocket', '0x50'], '"0x50" is not a port.'],
    [['liveness', 'httpGet', '80', '81'], 'httpGet takes only a port, not "80 81".'],
    [['liveness', 'httpGet', '80', '--headers', 'A'], '"A" is not a header.'],
    [
      ['liveness', 'httpGet', '80', '--timeout-seconds=x'],
      "option '--timeout-seconds <seconds>' argument 'x' is invalid. It must be a whole number.",
    ],
  ])('%j is refused before any request', async (words, message) => {
    const { controller, home } = await against({})
    const { code, stdout, stderr } = await deis(['healthchecks:set', '-a', 'foo', ...words], { home })
    expect({ code, stdout, requests: controller.requests }).toEqual({ code: 1, stdout: '', requests: [] })
    expect(stderr.split('\n')[0]).toBe(`Error: ${message}`)
  })
})

describe('healthchecks:unset', () => {
  test('removes probes', async () => {
    const { controller, home } = await against({ web: {} })
    expect(
      await deis(['healthchecks:unset', 'liveness', 'readiness', '--type=web', '-a', 'foo'], { home }),
    ).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^Removing healthchecks\.\.\. done\n\n=== foo/) as string,
    })
    expect(controller.requests[0]).toBe(
      `POST ${path} {"healthcheck":{"web":{"livenessProbe":null,"readinessProbe":null}}}`,
    )
  })

  test('of the usual type', async () => {
    const { controller, home } = await against({})
    await deis(['healthchecks:unset', 'liveness', '-a', 'foo'], { home })
    expect(controller.requests[0]).toBe(`POST ${path} {"healthcheck":{"web/cmd":{"livenessProbe":null}}}`)
  })

  test('of something else is refused', async () => {
    const { controller, home } = await against({})
    expect(await deis(['healthchecks:unset', 'life', '-a', 'foo'], { home })).toMatchObject({
      code: 1,
      stderr: 'Error: "life" is not a health check.\nUse liveness or readiness.\n',
    })
    expect(controller.requests).toEqual([])
  })
})
