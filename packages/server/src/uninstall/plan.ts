// Which steps take an installation away again, and what stays?
import type { Step } from '../install/step.ts'
import { commandNames, controllerDropIn, handoverUnit, layout, routerUser, unitNames } from '../layout.ts'

/** INT ends the platform with everything that it runs; whatever is left of its service then is killed. */
const endsApps = '[Service]\nKillSignal=SIGINT\nKillMode=mixed\n'

/** `purge`: settings and data, too. */
export function uninstallPlan(purge: boolean): Step[] {
  const { programs, settings, data, units, commands } = layout
  const remove = (path: string): Step => ({ kind: 'remove', path })
  return [
    { kind: 'file', path: `${controllerDropIn}/uninstall.conf`, mode: 0o644, content: endsApps },
    { kind: 'run', argv: ['systemctl', 'daemon-reload'] },
    { kind: 'run', argv: ['systemctl', '--quiet', 'disable', '--now', ...unitNames.toReversed()], mayFail: true },
    { kind: 'run', argv: ['systemctl', 'stop', handoverUnit], mayFail: true },
    // Whatever of apps is left: each has a scope of its own in there.
    { kind: 'run', argv: ['systemctl', 'stop', 'deis-apps.slice'], mayFail: true },
    ...[...unitNames, handoverUnit].map((name) => remove(`${units}/${name}`)),
    remove(controllerDropIn),
    { kind: 'run', argv: ['systemctl', 'daemon-reload'] },
    { kind: 'run', argv: ['systemctl', 'reset-failed', ...unitNames], mayFail: true },
    ...commandNames.map((name) => remove(`${commands}/${name}`)),
    remove('/run/deis-router'),
    { kind: 'run', argv: ['userdel', '--', routerUser], mayFail: true },
    ...(purge ? [remove(settings), remove(data)] : []),
    // Last: what runs this is in there, and a run that is interrupted can be repeated.
    remove(programs),
  ]
}
