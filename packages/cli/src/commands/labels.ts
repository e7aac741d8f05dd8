// How are the labels of an app shown and changed?
import { Command } from 'commander'
import { getSettings, setSettings } from '@deis/types'
import type { Context } from '../profile/context.ts'
import { type AppOption, appOption } from '../parse/options.ts'
import { aligned, step } from '../terminal/output.ts'
import { parsePairs, removed } from '../parse/pairs.ts'

const gap = 6
const rule = { pattern: /^([^=]+)=([^=]+)$/, looks: 'team=frontend' }

/** Other clients may have stored any JSON in a label. */
export function labelLines(app: string, labels: Readonly<Record<string, unknown>> | null | undefined): string[] {
  const texts = Object.entries(labels ?? {}).map(([key, value]): [string, string] => [
    `${key}:`,
    typeof value === 'string' ? value : JSON.stringify(value),
  ])
  return [`=== ${app} Label`, ...(texts.length === 0 ? ['No labels found.'] : aligned(Object.fromEntries(texts), gap))]
}

export function labels(context: Context): Command[] {
  async function list({ app }: AppOption): Promise<void> {
    const id = await context.app(app)
    const { label } = await context.call(getSettings, { params: { id } })
    context.answer(label, labelLines(id, label))
  }

  async function change(id: string, title: string, patch: Record<string, string | null>): Promise<void> {
    const body = { label: patch }
    const { label } = await step(context.io, title, () => context.call(setSettings, { params: { id }, body }))
    context.answer(label)
  }

  async function set(words: string[], { app }: AppOption): Promise<void> {
    const pairs = parsePairs(words, rule)
    const id = await context.app(app)
    await change(id, `Applying labels on ${id}...`, pairs)
  }

  async function unset(keys: string[], { app }: AppOption): Promise<void> {
    const id = await context.app(app)
    await change(id, `Removing labels on ${id}...`, removed(keys))
  }

  return [
    new Command('labels:list').description('list the labels of an app').addOption(appOption()).action(list),
    new Command('labels:set')
      .description('set labels of an app')
      .argument('<key=value...>', 'labels to set, such as team=frontend')
      .addOption(appOption())
      .action(set),
    new Command('labels:unset')
      .description('remove labels of an app')
      .argument('<key...>', 'keys of labels')
      .addOption(appOption())
      .action(unset),
  ]
}
