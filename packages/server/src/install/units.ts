// Which services does systemd run, and with which rights?
import { isIPv6 } from 'node:net'
import {
  controllerSocket,
  controllerUnit,
  handoverUnit,
  layout,
  routerSocket,
  routerUnit,
  routerUser,
} from '../layout.ts'

export type Flags = { readonly controller: readonly string[]; readonly router: readonly string[] }

const { current, controllerEnv, routerEnv, keysEnv, data } = layout

const command = (program: 'controller' | 'router', flags: Flags): string =>
  [`${current}/bin/node`, ...flags[program], `${current}/${program}/main.js`].join(' ')

/**
 * Root, so that each app gets a user of its own. Builds and apps are its children and have what is set here, so nothing is
 * that would break them: no MemoryDenyWriteExecute (compilers at run time), no SystemCallFilter, RestrictNamespaces or
 * PrivateDevices (and no ProtectClock, which closes devices, too), no PrivateTmp (it ends with the service, apps do not).
 */
export function controllerService(flags: Flags): string {
  return `[Unit]
Description=Deis controller: API, git, builds, and the processes of apps
Wants=network-online.target
After=network-online.target docker.service
StartLimitIntervalSec=0

[Service]
Type=exec
Sockets=${controllerSocket}
ExecStart=${command('controller', flags)}
${endWith(controllerSocket)}
EnvironmentFile=${controllerEnv}
EnvironmentFile=${keysEnv}
Environment=HOME=${data} NODE_ENV=production
WorkingDirectory=/
SyslogIdentifier=deis-controller
Restart=always
RestartSec=1
# Apps outlive the controller: a restart or an upgrade ends the controller only, and an app that is killed for its memory
# does not end the controller.
KillMode=process
OOMPolicy=continue
# Longer than it lets pushes and requests end.
TimeoutStopSec=90
# All apps count here.
TasksMax=infinity
LimitNOFILE=1048576
# The users of apps enter some of its folders; each file that they may not read says so itself.
UMask=0022
NoNewPrivileges=yes
ProtectSystem=full
ProtectHome=yes
ReadWritePaths=${data}
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectHostname=yes
LockPersonality=yes
RestrictRealtime=yes

[Install]
WantedBy=multi-user.target
`
}

/** `host`: empty for all addresses. */
export type Address = { readonly host: string; readonly port: number }

const listenStream = ({ host, port }: Address): string =>
  `ListenStream=${host === '' ? '' : `${isIPv6(host) ? `[${host}]` : host}:`}${port}`

/** The first is for the API, the second for git. */
export const controllerSockets = (addresses: readonly Address[]): string => sockets('controller', addresses)
/** The first is for HTTP, the second, if there is one, for TLS. */
export const routerSockets = (addresses: readonly Address[]): string => sockets('router', addresses)

/** Connections wait in the kernel while the program does not run. */
function sockets(program: string, addresses: readonly Address[]): string {
  return `[Unit]
Description=Deis ${program}: its ports, which stay open while it starts again

[Socket]
${addresses.map(listenStream).join('\n')}
Backlog=4096
# An address may come later than this.
FreeBind=yes

[Install]
WantedBy=sockets.target
`
}

/**
 * Closes the ports when a service is stopped, not when it is restarted or crashes. Dependencies of units cannot say that:
 * PropagatesStopTo closes them at restarts, too, since systemd 254.
 */
const endWith = (...units: readonly string[]): string =>
  `ExecStop=+/bin/sh -c 'systemctl list-jobs --no-legend %n | grep -qw stop && exec systemctl --no-block stop ${units.join(' ')}; true'`

/** The router stays until it is stopped, and the ports are closed then. */
const router = {
  description: 'requests from outside to apps and to the API',
  service: `${endWith(routerSocket, handoverUnit)}
Restart=always
RestartSec=1`,
  install: `
[Install]
WantedBy=multi-user.target
`,
}

/**
 * Serves at the same ports while the other one lets its requests finish, ends, and starts again: no request waits for the
 * longest of those.
 */
const handover = {
  description: 'takes its place while that is started again',
  service: `ExecCondition=+systemctl is-active --quiet ${routerUnit}
# The other one listens there.
UnsetEnvironment=DEIS_ROUTER_HEALTH_PORT DEIS_ROUTER_METRICS_PORT
Restart=no`,
  install: '',
}

export const routerService = (flags: Flags): string => edgeService(flags, router)
export const handoverService = (flags: Flags): string => edgeService(flags, handover)

/** It faces the internet: a user that owns nothing, and of root's rights only that to listen on low ports. */
function edgeService(flags: Flags, { description, service, install }: typeof router): string {
  return `[Unit]
Description=Deis router: ${description}
Wants=network-online.target
After=network-online.target ${controllerUnit}
StartLimitIntervalSec=0

[Service]
Type=exec
Sockets=${routerSocket}
ExecStart=${command('router', flags)}
EnvironmentFile=${routerEnv}
EnvironmentFile=${keysEnv}
Environment=NODE_ENV=production
User=${routerUser}
WorkingDirectory=/
SyslogIdentifier=deis-router
${service}
KillSignal=SIGTERM
# Longer than it lets requests finish (DEIS_DRAIN_SECONDS).
TimeoutStopSec=45
LimitNOFILE=1048576
# Routes and keys of certificates, in memory only: kept over its restarts, gone with the machine's, whose apps have other ports.
RuntimeDirectory=deis-router
RuntimeDirectoryMode=0700
RuntimeDirectoryPreserve=yes
UMask=0077
AmbientCapabilities=CAP_NET_BIND_SERVICE
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
InaccessiblePaths=-${data}
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
${install}`
}
