// What do the labels of a built image say: its processes, and what it was made of?
import { type Static, Type } from 'typebox'
import { alikeTypes, isProcessType } from '@deis/types'
import { quoted } from '@deis/lib/quoted'
import { BuildFailure, type CnbFacts } from '@deis/ports/builder'
import { procfileLimits } from '@deis/ports/procfile'
import type { ImageFacts } from '@deis/ports/registry'
import { labelDocument } from './document.ts'
import { lifecycleMetadata } from './lifecycle-label.ts'

export type BuiltImage = Pick<CnbFacts, 'runReference' | 'buildpacks'> & {
  /** Type → its command as a text for people: the image itself starts it. */
  readonly processes: Readonly<Record<string, string>>
  /** The type that the image runs by itself. */
  readonly defaultProcess: string | null
  /** What of it cannot be used, each a sentence. */
  readonly warnings: readonly string[]
}

const Word = Type.String({ maxLength: 512 })
const Text = Type.String({ maxLength: 65_536 })
const orNull = <T extends Parameters<typeof Type.Array>[0]>(schema: T) =>
  Type.Optional(Type.Union([schema, Type.Null()]))

const Process = Type.Object({
  type: Word,
  // A list since Platform API 0.10.
  command: Type.Union([Text, Type.Array(Text, { maxItems: 1000 })]),
  args: orNull(Type.Array(Text, { maxItems: 1000 })),
})
const Build = Type.Object({
  processes: orNull(Type.Array(Process, { maxItems: 1000 })),
  buildpacks: orNull(Type.Array(Type.Object({ id: Word, version: Type.Optional(Word) }), { maxItems: 200 })),
  'buildpack-default-process-type': Type.Optional(Word),
})

const plainWord = /^[A-Za-z0-9_@%+=:,./-]+$/

/** As a shell would read it; the script itself where a shell runs one. */
export function displayText({ command, args }: Pick<Static<typeof Process>, 'command' | 'args'>): string {
  const words = [...(typeof command === 'string' ? [command] : command), ...(args ?? [])]
  const [program = '', flag, script] = words
  if (words.length === 3 && /^(\/bin\/)?(ba)?sh$/.test(program) && flag === '-c' && script !== undefined) return script
  // One text of a shell, as process types of older buildpacks are.
  if (words.length === 1) return program
  return words.map((word) => (plainWord.test(word) ? word : quoted(word))).join(' ')
}

function processesOf(found: readonly Static<typeof Process>[]): Pick<BuiltImage, 'processes' | 'warnings'> {
  const processes: Record<string, string> = {}
  const warnings: string[] = []
  for (const process of found) {
    const { type } = process
    const skip = (why: string): void => void warnings.push(`Process type ${JSON.stringify(type)} is left out: ${why}.`)
    const alike = alikeTypes([...Object.keys(processes), type])
    const text = displayText(process).trim()
    if (!isProcessType(type)) skip('its name can only have letters and digits, with single hyphens or underscores')
    else if (alike !== null) skip(`"${alike[0]}" differs from it only in capitals or between hyphen and underscore`)
    else if (Object.keys(processes).length === procfileLimits.types) skip(`there are ${procfileLimits.types} already`)
    else if (text.includes('\0')) skip('its command has a null byte')
    else processes[type] = text.length > procfileLimits.commandLength ? `${text.slice(0, 200)}…` : text || type
  }
  return { processes, warnings }
}

/** @throws BuildFailure: the image is not one that these phases make. */
export function builtImage({ labels, reference }: Pick<ImageFacts, 'labels' | 'reference'>): BuiltImage {
  const build = labelDocument(labels, 'io.buildpacks.build.metadata', Build)
  const lifecycle = lifecycleMetadata(labels)
  if (build === null || lifecycle === null)
    throw new BuildFailure(`The image ${reference} does not say how Cloud Native Buildpacks made it.`)
  return {
    ...processesOf(build.processes ?? []),
    defaultProcess: build['buildpack-default-process-type'] ?? null,
    runReference: lifecycle.runImage.reference,
    buildpacks: (build.buildpacks ?? []).map(({ id, version = '' }) => ({ id, version })),
  }
}
