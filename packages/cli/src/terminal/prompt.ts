// How do prompts on a terminal work?
import { createPromptModule } from 'inquirer'

/** Where the prompt is shown, and what aborts it. */
export type Terminal = { readonly output: NodeJS.WriteStream; readonly signal: AbortSignal }

// The line begins with the message; inquirer adds the blank after it.
const theme = { prefix: '' }

export async function askText(message: string, { output, signal }: Terminal): Promise<string> {
  const { value } = await createPromptModule({ output })<{ value: string }>({
    type: 'input',
    name: 'value',
    message: message.trimEnd(),
    theme,
    signal,
  })
  return value.trim()
}

export async function askSecret(message: string, { output, signal }: Terminal): Promise<string> {
  const { value } = await createPromptModule({ output })<{ value: string }>({
    type: 'password',
    name: 'value',
    message: message.trimEnd(),
    theme,
    signal,
  })
  return value
}

export async function askConfirm(message: string, { output, signal }: Terminal): Promise<boolean> {
  const { value } = await createPromptModule({ output })<{ value: boolean }>({
    type: 'confirm',
    name: 'value',
    message,
    default: false,
    theme,
    signal,
  })
  return value
}

export async function askChoice(
  message: string,
  choices: readonly string[],
  { output, signal }: Terminal,
): Promise<string> {
  const { value } = await createPromptModule({ output })<{ value: string }>({
    type: 'select',
    name: 'value',
    message,
    choices,
    theme,
    signal,
  })
  return value
}
