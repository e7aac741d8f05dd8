// Which environment variables does the platform have? Both programs and docs/settings.md use this table.
import { backupSections, backupSettings } from './backup.ts'
import { acmeSections, acmeSettings } from './acme.ts'
import { clusterSections, clusterSettings } from './cluster.ts'
import { dockerSections, dockerSettings } from './docker.ts'
import type { Section } from './kinds.ts'
import { machineSections, machineSettings } from './machine.ts'
import { metricsSections, metricsSettings } from './metrics.ts'
import { routerSections, routerSettings } from './router.ts'

export type * from './kinds.ts'
export { metricsProblems } from './metrics.ts'

export const settings = {
  ...machineSettings,
  ...acmeSettings,
  ...dockerSettings,
  ...clusterSettings,
  ...routerSettings,
  ...metricsSettings,
  ...backupSettings,
} as const

export const sections: readonly Section[] = [
  ...machineSections,
  ...backupSections,
  ...acmeSections,
  ...routerSections,
  ...metricsSections,
  ...dockerSections,
  ...clusterSections,
]

/** The settings of one kind. */
export type SettingNames<Kind> = {
  [Name in keyof typeof settings]: (typeof settings)[Name] extends Kind ? Name : never
}[keyof typeof settings]
