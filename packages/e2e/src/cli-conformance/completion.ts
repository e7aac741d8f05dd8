// Can the shells of this machine read the completion scripts?
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { expect } from 'vitest'
import { run } from '../child.ts'
import { cleanEnv } from '../platform.ts'
import { runDeis } from './says.ts'
import type { Scenario } from './world.ts'

/** How each reads a script without running it. */
const shells = { bash: ['-n'], zsh: ['-n'], fish: ['--no-execute'] } as const

function isHere(shell: string): boolean {
  return (cleanEnv()['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, shell)))
}

function scenario(shell: keyof typeof shells): Scenario {
  return {
    name: `completion in ${shell}`,
    absent: !isHere(shell),
    async run({ newActor }) {
      const { person } = await newActor(shell)
      const { code, stdout, stderr } = await runDeis(person, `completion ${shell}`)
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      for (const word of ['apps:create', 'no-remote', 'sharing:add']) expect(stdout).toContain(word)
      const file = join(person.home, 'completion')
      await writeFile(file, stdout)
      const read = await run(shell, [...shells[shell], file], { cwd: person.home, env: person.env })
      expect(read).toEqual({ code: 0, stdout: '', stderr: '' })
    },
  }
}

const unknown: Scenario = {
  name: 'completion in a shell without it',
  run: async ({ root }) => {
    await root.deis('completion csh', {
      code: 1,
      stderr: [
        "Error: command-argument value 'csh' is invalid for argument 'shell'. Allowed choices are bash, zsh, fish.",
        'Usage: deis completion [options] <shell>',
      ],
    })
  },
}

export const scenarios: readonly Scenario[] = [...(['bash', 'zsh', 'fish'] as const).map(scenario), unknown]
