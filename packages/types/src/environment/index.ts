// Which environment variables does the platform have? Both programs and docs/settings.md use this table.
import { clusterSections, clusterSettings } from './cluster.ts'
import { dockerSections, dockerSettings } from './docker.ts'
import type { Section } from './kinds.ts'
import { machineSections, machineSettings } from './machine.ts'
import { routerSections, routerSettings } from './router.ts'

export type * from './kinds.ts'

export const settings = { ...machineSettings, ...dockerSettings, ...clusterSettings, ...routerSettings } as const

export const sections: readonly Section[] = [
  ...machineSections,
  ...routerSections,
  ...dockerSections,
  ...clusterSections,
]

/** The settings of one kind. */
export type SettingNames<Kind> = {
  [Name in keyof typeof settings]: (typeof settings)[Name] extends Kind ? Name : never
}[keyof typeof settings]
