// What does `deis help` print?
import type { Command } from 'commander'
import { commonOptions } from '../parse/common.ts'
import { shortcutLines, shortcuts, topics } from './topics.ts'

export const usage = 'Usage: deis <command> [<args>...]'

export function columns(rows: readonly (readonly [name: string, text: string])[]): string[] {
  const width = Math.max(...rows.map(([name]) => name.length)) + 2
  return rows.map(([name, text]) => `  ${name.padEnd(width)}${text}`)
}

export function generalHelp(): string {
  const own = Object.entries(shortcuts)
  const isAuth = ([, command]: readonly [string, string]): boolean => command.startsWith('auth:')
  const others = new Set(own.filter((pair) => !isAuth(pair)).map(([name]) => name))
  return [
    'deis: push code, get a running app',
    '',
    usage,
    '',
    'Account:',
    ...columns(own.filter(isAuth).map(([name, command]) => [name, `deis ${command}`])),
    '',
    'Topics (`deis help TOPIC` lists the commands of a topic, `deis help TOPIC:VERB` explains a command):',
    ...columns(Object.entries(topics).map(([name, { summary }]) => [name, summary])),
    '',
    'Shortcuts:',
    ...shortcutLines()
      .filter((line) => others.has(line.split(' ')[0] ?? ''))
      .map((line) => `  ${line}`),
    '',
    'Options of every command:',
    ...columns([...commonOptions, ['-h, --help', 'show help for the command']]),
    '',
    'To deploy, run `deis create`, then `git push deis master`.',
    '',
  ].join('\n')
}

export function topicHelp(topic: string, commands: readonly Command[]): string {
  return [
    `${topic}: ${topics[topic]?.summary ?? ''}`,
    '',
    ...columns(commands.map((command) => [command.name(), command.description()])),
    '',
    `Run \`deis help ${commands[0]?.name() ?? topic}\` to show help for that command.`,
    '',
  ].join('\n')
}
