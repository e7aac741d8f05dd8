// With which arguments does a command start in a container, and a process type of an image?
import { type Artifact, cnbLauncher, cnbProcess, slugLauncher } from '@deis/ports/scheduler'
import anyShell from './programs/any-shell.sh'

/** In Kubernetes' words: `command` is the entry point, and without it the image's own counts. */
export type Start = { command?: string[]; args?: string[] }

/** `oneOff`: the image may have no bash, and then sh does. */
export function startOf(
  launcher: (Artifact & { readonly kind: 'image' })['launcher'],
  type: string,
  command: string | null,
  oneOff: boolean,
): Start {
  if (command === null) return launcher === 'cnb' ? { command: [cnbProcess(type)] } : {}
  if (launcher === 'slug') return { command: [slugLauncher], args: [command] }
  // More than one argument would be words, not the text of a shell.
  if (launcher === 'cnb') return { command: [cnbLauncher], args: [command] }
  return oneOff
    ? { command: ['/bin/sh', '-c', anyShell, 'deis'], args: [command] }
    : { command: ['/bin/bash', '-c'], args: [command] }
}
