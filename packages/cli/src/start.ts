#!/usr/bin/env node
// How is the bundled client loaded without being compiled each time?
import { readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { Script } from 'node:vm'
import { clientVersion } from './http/version.ts'

/** @public Those loaded, by file: the build stores what V8 has compiled of them. */
export const scripts = new Map<string, Script>()

function compiledIn(file: string): Buffer | undefined {
  try {
    return readFileSync(`${file}.cache`)
  } catch {
    // V8 compiles the text, as it does when another version compiled what is there.
    return undefined
  }
}

/** Requires a file of the bundle. The build writes ASCII only, which is the fastest to read. */
function load(name: string): unknown {
  if (!name.startsWith('./')) return require(name)
  const file = join(__dirname, name)
  const text = `(function (exports, require, module) {${readFileSync(file, 'latin1')}\n})`
  const script = new Script(text, { filename: file, cachedData: compiledIn(file) })
  scripts.set(file, script)
  const module = { exports: {} }
  const run = script.runInThisContext() as (exports: unknown, require: typeof load, module: unknown) => void
  run(module.exports, load, module)
  return module.exports
}

/** Which version this is can be told without the bundle, in half of the time. */
function saysVersion(): boolean {
  const [, , word, ...more] = process.argv
  if (word !== '--version' || more.length > 0) return false
  try {
    writeSync(1, `${clientVersion}\n`)
    return true
  } catch {
    // Nobody reads it, or not now: the bundle knows what to do then.
    return false
  }
}

if (!saysVersion()) load('./main.js')
