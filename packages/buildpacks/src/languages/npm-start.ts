// How does an app that is started with "npm start" run without npm?
// npm starts the script in a shell and waits; here the script takes the place of what was called npm.
import { quoted } from '@deis/lib/quoted'
import program from '../programs/npm-start.sh'
import type { PackageJson } from './package-manager.ts'

/** Below the app; first on PATH at run time. */
export const npmStartFolder = '.deis/npm-start'

/** What is deeper or longer is for npm: programs take arguments of at most 128 KiB, and recursion has an end. */
const deepest = 8
const longest = 65_536

/** As npm names what it tells scripts of package.json: `bin.a[0]` is npm_package_bin_a_0. */
function flat(prefix: string, value: unknown, depth = 0): [string, string][] {
  if (value === undefined || depth > deepest) return []
  if (value === null || value === false) return [[prefix, '']]
  if (typeof value === 'string' || typeof value === 'number' || value === true) return [[prefix, String(value)]]
  return Object.entries(value).flatMap(([key, inner]) => flat(`${prefix}_${key}`, inner, depth + 1))
}

function variables({ name, version, config, engines, bin }: PackageJson): string[] {
  const bins = typeof bin === 'string' ? { [String(name).replace(/^.*\//, '')]: bin } : bin
  return Object.entries({ name, version, config, engines, bin: bins })
    .flatMap(([key, value]) => flat(`npm_package_${key}`, value))
    .filter(([key, value]) => !key.includes('=') && !`${key}${value}`.includes('\0'))
    .map(([key, value]) => `${key}=${value}`)
}

/** Words that begin a line which is not a program to start. */
const ofShells =
  ': . [ alias bg break builtin case cd command continue declare echo eval exec exit export fg for function getopts hash if jobs kill let local printf pwd read readonly return select set shift source test time times trap true false type typeset ulimit umask unalias unset until wait while'.split(
    ' ',
  )
/** Variables, the program, and arguments without anything that makes a second command or a redirection. */
const oneProgram = /^((?:[A-Za-z_]\w*=(?:[^\s"'\\;&|<>()`]|"[^"`]*"|'[^']*')* +)*)([\w./@-]+)((?:\s[^;&|<>()`\n]*)?)$/

/** The same line with an `exec`: else the shell stays, and as the first process of a container takes the app's signals. */
function execLine(script: string): string | null {
  const [, before = '', command = '', rest = ''] = oneProgram.exec(script.trim()) ?? []
  return command === '' || ofShells.includes(command) ? null : `${before}exec ${command}${rest}`
}

/**
 * The program that stands for npm, null if npm itself has to: when the start script is not one program, with a script to
 * run afterwards, or with an .npmrc, which may say in what way. npm's own settings (npm_config_…, npm_execpath) are not
 * told to the script.
 */
export function npmStart(json: PackageJson, hasSettings: boolean): string | null {
  const { name, version, scripts } = json
  const [before, start, after] = ['prestart', 'start', 'poststart'].map((event) => scripts?.[event])
  if (hasSettings || typeof start !== 'string' || after !== undefined) return null
  if (before !== undefined && typeof before !== 'string') return null
  const line = execLine(start)
  if (line === null) return null
  const text = `#!/bin/sh
_package=${quoted(typeof name === 'string' && typeof version === 'string' ? `${name}@${version} ` : '')}
_prestart=${quoted(before ?? '')}
_start=${quoted(start)}
_line=${quoted(line)}
# Arguments of env, as some of these names cannot be variables of a shell.
_exec() { exec env ${variables(json).map(quoted).join(' ')} "$@"; }
${program}`
  return text.length > longest || text.includes('\0') ? null : text
}
