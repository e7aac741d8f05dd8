// Which steps lead to an installation, whatever of it is there already?
import { isIP } from 'node:net'
import { Failure } from '../failure.ts'
import {
  commandNames,
  controllerSocket,
  controllerUnit,
  handoverUnit,
  layout,
  routerSocket,
  routerUnit,
  routerUser,
  unitNames,
} from '../layout.ts'
import { mergeEnv, readEnv } from './env-file.ts'
import type { Step } from './step.ts'
import {
  type Address,
  controllerService,
  controllerSockets,
  type Flags,
  handoverService,
  routerService,
  routerSockets,
} from './units.ts'

export type Wanted = {
  readonly release: { readonly name: string; readonly from: string; readonly flags: Flags }
  /** Chosen now; null: what is installed stays, else the default. */
  readonly domain: string | null
  readonly scheduler: 'process' | 'docker' | null
  /** Of whoever agrees to the terms of the CA; null: none is given. */
  readonly email: string | null
  readonly acmeDirectory: string | null
  /** Where none is chosen or installed. */
  readonly usualScheduler: 'process' | 'docker'
  readonly apiPort: number
  readonly gitPort: number | null
  /** Of this machine: whether git can listen on IPv6, too. */
  readonly ipv6: boolean
  /** Where the controller finds programs. */
  readonly path: string
  readonly newKey: string
  /** The files of settings that are there; empty: none. */
  readonly before: { readonly controller: string; readonly router: string; readonly keys: string }
}

const heading = (unit: string): string =>
  `Yours to edit, and kept by deis-server. All settings: docs/settings.md. After a change: systemctl restart ${unit}`

const chosen = (values: Readonly<Record<string, string | null>>): Record<string, string> =>
  Object.fromEntries(Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== null))

export function controllerSettings(wanted: Wanted): string {
  const { before, domain, scheduler, email, acmeDirectory, usualScheduler, apiPort, gitPort, ipv6, path } = wanted
  return mergeEnv(
    before.controller,
    heading(controllerUnit),
    chosen({
      DEIS_PLATFORM_DOMAIN: domain,
      DEIS_SCHEDULER: scheduler,
      DEIS_ACME: email === null ? null : 'true',
      DEIS_ACME_EMAIL: email,
      DEIS_ACME_DIRECTORY: acmeDirectory,
      DEIS_GIT_PORT: gitPort === null ? null : String(gitPort),
    }),
    {
      DEIS_SCHEDULER: usualScheduler,
      DEIS_DATA_DIR: layout.data,
      DEIS_API_HOST: '127.0.0.1',
      DEIS_API_PORT: String(apiPort),
      DEIS_PUBLIC_API: 'true',
      DEIS_GIT_HOST: ipv6 ? '::' : '0.0.0.0',
      DEIS_ROUTER_PORT: '80',
      DEIS_ROUTER_USER: routerUser,
      DEIS_BACKUP_EVERY_HOURS: '24',
      PATH: path,
    },
  )
}

function routerSettings({ before, apiPort }: Wanted, controller: ReadonlyMap<string, string>): string {
  return mergeEnv(
    before.router,
    heading(routerUnit),
    { DEIS_CONTROLLER_URL: `http://127.0.0.1:${controller.get('DEIS_API_PORT') ?? apiPort}` },
    {
      DEIS_ROUTER_PORT: '80',
      DEIS_ROUTER_TLS_PORT: '443',
      DEIS_ROUTER_TABLE: '/run/deis-router/table.json',
      // Until the next response on each connection has closed it: its client comes back to the router that takes over.
      DEIS_ROUTER_LINGER_SECONDS: '2',
    },
  )
}

/** @throws Failure for an address that systemd cannot listen on. */
function addressIn(file: string, setting: string, host: string, port: string): Address {
  if (host !== '' && isIP(host) === 0)
    throw new Failure(
      `${setting} in ${file} is "${host}", which is not an IP address.`,
      'systemd listens there: use the address that the name leads to, or unset it',
    )
  return { host, port: Number(port) }
}

/** @throws Failure */
function socketsOfRouter(router: ReadonlyMap<string, string>): string {
  const host = router.get('DEIS_ROUTER_HOST') ?? ''
  const ports = ['DEIS_ROUTER_PORT', 'DEIS_ROUTER_TLS_PORT'].map((name) => router.get(name) ?? '0')
  const addresses = ports.map((port) => addressIn(layout.routerEnv, 'DEIS_ROUTER_HOST', host, port))
  return routerSockets(addresses.filter(({ port }) => port > 0))
}

/** @throws Failure */
function socketsOfController(controller: ReadonlyMap<string, string>): string {
  const place = (host: string, port: string, usualHost: string, usualPort: string): Address => {
    const found = addressIn(
      layout.controllerEnv,
      host,
      controller.get(host) || usualHost,
      controller.get(port) ?? usualPort,
    )
    if (found.port > 0) return found
    throw new Failure(`${port} in ${layout.controllerEnv} is 0.`, 'Set it to a port: systemd keeps that open')
  }
  const api = place('DEIS_API_HOST', 'DEIS_API_PORT', '127.0.0.1', '8000')
  return controllerSockets([api, place('DEIS_GIT_HOST', 'DEIS_GIT_PORT', api.host, '2222')])
}

const apiWait = (controller: ReadonlyMap<string, string>, seconds: number): Step => ({
  kind: 'wait',
  for: 'the API and its database',
  url: `http://127.0.0.1:${controller.get('DEIS_API_PORT') ?? '8000'}/readiness`,
  seconds,
})

const routerWait = (
  controller: ReadonlyMap<string, string>,
  router: ReadonlyMap<string, string>,
  seconds: number,
): Step => ({
  kind: 'wait',
  for: 'the API through the router',
  url: `http://127.0.0.1:${router.get('DEIS_ROUTER_PORT') ?? '8080'}/v2/`,
  host: `deis.${controller.get('DEIS_PLATFORM_DOMAIN') ?? 'localhost'}`,
  seconds,
})

/** A restart of `unit`, where something that it has read has changed, or it does not run. */
const restart = (unit: string, changed: readonly string[]): Step => ({
  kind: 'run',
  argv: ['systemctl', 'restart', unit],
  if: { changed, stopped: unit },
})

/** If the ports that it has are others than from now on, or were opened by the program itself. */
function openSockets(unit: string, socket: string, socketFile: string): Step[] {
  const due = { changed: [socketFile], stopped: socket }
  return [{ kind: 'run', argv: ['systemctl', 'stop', unit], if: due, mayFail: true }, restart(socket, [socketFile])]
}

/** Its ports stay open, and are served, while it is restarted. */
function restartRouter(socketFile: string, read: readonly string[]): Step[] {
  return [
    ...openSockets(routerUnit, routerSocket, socketFile),
    {
      kind: 'run',
      argv: ['systemctl', 'start', handoverUnit],
      if: { changed: read, stopped: routerUnit },
      mayFail: true,
    },
    restart(routerUnit, read),
    // It lets its requests finish; nobody waits for that.
    { kind: 'run', argv: ['systemctl', 'stop', '--no-block', handoverUnit] },
  ]
}

export function installPlan(wanted: Wanted, seconds: number): Step[] {
  const { release, before } = wanted
  const { programs, releases, current, settings, controllerEnv, routerEnv, keysEnv, data, units, commands } = layout
  const target = `${releases}/${release.name}`
  const controller = controllerSettings(wanted)
  const router = routerSettings(wanted, readEnv(controller))
  const keys = mergeEnv(
    before.keys,
    'The key that controller and router share.',
    {},
    { DEIS_ROUTER_KEY: wanted.newKey },
  )
  const unitFile = (name: string): string => `${units}/${name}`
  const unit = (name: string, content: string): Step => ({ kind: 'file', path: unitFile(name), mode: 0o644, content })
  return [
    { kind: 'user', name: routerUser },
    { kind: 'folder', path: programs, mode: 0o755 },
    { kind: 'folder', path: releases, mode: 0o755 },
    { kind: 'folder', path: settings, mode: 0o700 },
    // The users of apps pass through; what is private in there is in folders that they cannot enter.
    { kind: 'folder', path: data, mode: 0o755 },
    { kind: 'release', path: target, from: release.from },
    { kind: 'file', path: controllerEnv, mode: 0o600, content: controller },
    { kind: 'file', path: routerEnv, mode: 0o600, content: router },
    { kind: 'file', path: keysEnv, mode: 0o600, content: keys },
    unit(controllerSocket, socketsOfController(readEnv(controller))),
    unit(controllerUnit, controllerService(release.flags)),
    unit(routerSocket, socketsOfRouter(readEnv(router))),
    unit(routerUnit, routerService(release.flags)),
    unit(handoverUnit, handoverService(release.flags)),
    { kind: 'link', path: current, to: target },
    ...commandNames.map((name): Step => ({ kind: 'link', path: `${commands}/${name}`, to: `${current}/bin/${name}` })),
    { kind: 'run', argv: ['systemctl', 'daemon-reload'] },
    { kind: 'run', argv: ['systemctl', '--quiet', 'enable', ...unitNames] },
    ...openSockets(controllerUnit, controllerSocket, unitFile(controllerSocket)),
    restart(controllerUnit, [target, current, controllerEnv, keysEnv, unitFile(controllerUnit)]),
    // A router that serves is left alone until there is something new to serve.
    apiWait(readEnv(controller), seconds),
    ...restartRouter(unitFile(routerSocket), [target, current, routerEnv, keysEnv, unitFile(routerUnit)]),
    routerWait(readEnv(controller), readEnv(router), seconds),
  ]
}
