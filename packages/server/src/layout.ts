// Where on a machine is what an installation has?

export const layout = {
  programs: '/opt/deis',
  releases: '/opt/deis/releases',
  current: '/opt/deis/current',
  settings: '/etc/deis',
  controllerEnv: '/etc/deis/deis.env',
  routerEnv: '/etc/deis/router.env',
  /** The key that both share, and nothing else. */
  keysEnv: '/etc/deis/keys.env',
  data: '/var/lib/deis',
  units: '/etc/systemd/system',
  commands: '/usr/local/bin',
} as const

export const controllerUnit = 'deis-controller.service'
/** What is in there holds until the machine restarts. */
export const controllerDropIn = `/run/systemd/system/${controllerUnit}.d`
export const routerUnit = 'deis-router.service'
export const routerUser = 'deis-router'
/** The ports of API and git, which systemd keeps open. */
export const controllerSocket = 'deis-controller.socket'
/** The router's ports, which systemd keeps open. */
export const routerSocket = 'deis-router.socket'
/** A second router, for the time in which the first is started again. */
export const handoverUnit = 'deis-router-handover.service'
/** In the order in which they start. */
export const unitNames: readonly string[] = [controllerSocket, controllerUnit, routerSocket, routerUnit]
/** Programs of a release that an operator calls. */
export const commandNames: readonly string[] = ['deis', 'deis-server']

export const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
