// What can this installation do, and what not?
import { Command } from 'commander'
import { type Check, DeisError, doctor as doctorRoute } from '@deis/types'
import type { Context } from '../profile/context.ts'
import { isColourful, labelled } from '../terminal/output.ts'

type Colour = (text: string) => string

/** What is broken or open to others is red, what is only restricted yellow. */
async function colours({ io }: Context): Promise<(check: Check) => Colour> {
  const plain: Colour = (text) => text
  if (!isColourful(io)) return () => plain
  const { bad, doubtful } = await import('../terminal/colours.ts')
  return ({ status, concern }) => (concern !== undefined ? bad : status === 'ok' ? plain : doubtful)
}

async function examine(context: Context): Promise<void> {
  const report = await context.call(doctorRoute).catch((error: unknown) => {
    if (!(error instanceof DeisError) || error.code !== 'not_found') throw error
    throw new DeisError('not_found', 'This controller has no checks to show.', {
      hint: 'It is another implementation, or an older version.',
      cause: error,
    })
  })
  const { scheduler, version, checks } = report
  const rows = [
    ['scheduler', scheduler],
    ['version', version],
  ] as const
  const width = Math.max(0, ...checks.map(({ name }) => name.length))
  // A detail of several lines stays under its first one.
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
        'list what this installation can and cannot do; the exit code is 1 when something keeps apps from being served or changed',
      )
      .action(() => examine(context)),
  ]
}
