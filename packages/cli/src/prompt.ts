// How is a person asked at a terminal?
import inquirer from 'inquirer'

// The line begins with the question, and inquirer puts the blank behind it.
const theme = { prefix: '' }

export async function askText(message: string, signal: AbortSignal): Promise<string> {
  const { value } = await inquirer.prompt<{ value: string }>({
    type: 'input',
    name: 'value',
    message: message.trimEnd(),
    theme,
    signal,
  })
  return value.trim()
}

export async function askSecret(message: string, signal: AbortSignal): Promise<string> {
  const { value } = await inquirer.prompt<{ value: string }>({
    type: 'password',
    name: 'value',
    message: message.trimEnd(),
    theme,
    signal,
  })
  return value
}

export async function askConfirm(message: string, signal: AbortSignal): Promise<boolean> {
  const { value } = await inquirer.prompt<{ value: boolean }>({
    type: 'confirm',
    name: 'value',
    message,
    default: false,
    theme,
    signal,
  })
  return value
}

export async function askChoice(message: string, choices: readonly string[], signal: AbortSignal): Promise<string> {
  const { value } = await inquirer.prompt<{ value: string }>({
    type: 'select',
    name: 'value',
    message,
    choices,
    theme,
    signal,
  })
  return value
}
