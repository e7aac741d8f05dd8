// Which variables do buildpacks get when they run, and what do layers add to them?
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { namesIn } from './files.ts'

export type Env = Record<string, string>
/** A phase's own. */
export type OwnEnv = Readonly<Record<string, string | undefined>>

const passed = /^(HOME|HOSTNAME|CNB_STACK_ID|https?_proxy|no_proxy|HTTPS?_PROXY|NO_PROXY)$/
const paths = /^(PATH|LD_LIBRARY_PATH|LIBRARY_PATH|CPATH|PKG_CONFIG_PATH)$/

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true
const filesIn = (folder: string): string[] => namesIn(folder).filter((name) => isFile(join(folder, name)))
const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

/** What of the phase's own environment goes on, and the files of the platform. */
export function buildpackEnv(own: OwnEnv, platform: string): Env {
  const env: Env = { CNB_TARGET_OS: 'linux', CNB_TARGET_ARCH: process.arch === 'x64' ? 'amd64' : process.arch }
  for (const [name, value] of Object.entries(own))
    if (value !== undefined && (passed.test(name) || paths.test(name))) env[name] = value
  const folder = join(platform, 'env')
  for (const name of filesIn(folder)) {
    const value = readFileSync(join(folder, name), 'utf8')
    env[name] = paths.test(name) && env[name] !== undefined ? `${value}:${env[name]}` : value
  }
  return env
}

/** The files of one `env` folder, with their five suffixes. */
export function addEnvFolder(env: Env, folder: string): void {
  for (const file of filesIn(folder)) {
    const [, name = '', action = 'override'] = /^(.*?)(?:\.(append|prepend|override|default|delim))?$/.exec(file) ?? []
    if (action === 'delim') continue
    const value = readFileSync(join(folder, file), 'utf8')
    const delimiterFile = join(folder, `${name}.delim`)
    const delimiter = isFile(delimiterFile) ? readFileSync(delimiterFile, 'utf8') : ''
    const before = env[name]
    if (action === 'override') env[name] = value
    else if (before === undefined || before === '') env[name] = value
    else if (action === 'append') env[name] = before + delimiter + value
    else if (action === 'prepend') env[name] = value + delimiter + before
  }
}

/** The programs and libraries of a layer, before all others. */
export function addLayerPaths(env: Env, layer: string): void {
  for (const [folder, name] of [
    ['bin', 'PATH'],
    ['lib', 'LD_LIBRARY_PATH'],
  ] as const) {
    const path = join(layer, folder)
    if (isFolder(path)) env[name] = env[name] ? `${path}:${env[name]}` : path
  }
}
