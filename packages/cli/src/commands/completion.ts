// Which script completes commands in a shell?
import { Argument, Command } from 'commander'
import type { Context } from '../profile/context.ts'
import type { TopicData } from '../help/definitions.ts'

type Script = (topics: readonly TopicData[]) => string

/** Loaded when needed: only one is printed. */
const shells: Readonly<Record<string, () => Promise<Script>>> = {
  bash: async () => (await import('./completion/bash.ts')).bashScript,
  zsh: async () => (await import('./completion/zsh.ts')).zshScript,
  fish: async () => (await import('./completion/fish.ts')).fishScript,
}

export function completion(context: Context): Command[] {
  return [
    new Command('completion')
      .description('print a script that completes commands and options in your shell')
      .addArgument(
        new Argument(
          '<shell>',
          'bash, zsh or fish; load it with `source <(deis completion bash)`, the same for zsh, or `deis completion fish | source`',
        ).choices(Object.keys(shells)),
      )
      .action(async (shell: keyof typeof shells) => {
        const { definitions } = await import('../help/definitions.ts')
        const script = (await shells[shell]?.())?.(await definitions(context)) ?? ''
        context.answer(script, script)
      }),
  ]
}
