// What can this installation do, and what can it not do?
import { Command } from 'commander'
import { type Check, DeisError, doctor as doctorRoute } from '@deis/types'
import type { Context } from '../profile/context.ts'
import { isColourful, labelled } from '../terminal/output.ts'

type Colour = (text: string) => string

/** Red: broken or exposed. Yellow: restricted. */
async function colours({ io }: Context): Promise<(check: Check) => Colour> {
  const plain: Colour = (text) => text
  if (!isColourful(io)) return () => plain
  const { red, yellow } = await import('../terminal/colours.ts')
  return ({ status, concern }) => (concern !== undefined ? red : status === 'ok' ? plain : yellow)
}

async function examine(context: Context): Promise<void> {
  const report = await context.call(doctorRoute).catch((error: unknown) => {
    if (!(error instanceof DeisError) || error.code !== 'not_found') throw error
    throw new DeisError('not_found', 'This controller does not have checks.', {
      hint: 'It is an older version, or another implementation.',
      cause: error,
    })
  })
  const { scheduler, version, checks } = report
  const rows = [
    ['scheduler', scheduler],
    ['version', version],
  ] as const
  const width = Math.max(0, ...checks.map(({ name }) => name.length))
  // Further lines of a detail are indented to its first one.
  const indent = ' '.repeat('limited  '.length + width + 2)
  const colourOf = await colours(context)
  const found = checks.map((check) => {
    const detail = check.detail.replaceAll('\n', `\n${indent}`)
    return colourOf(check)(`${check.status.padEnd(9)}${check.name.padEnd(width + 2)}${detail}`.trimEnd())
  })
  context.answer(report, ['=== Doctor', ...labelled(rows, 11), '', ...found])
  if (checks.some(({ concern }) => concern === 'broken')) context.exitCode = 1
}

export function doctor(context: Context): Command[] {
  return [
    new Command('doctor')
      .description(
        'check what this installation can and cannot do; the exit code is 1 if apps cannot be served or changed',
      )
      .action(() => examine(context)),
  ]
}
