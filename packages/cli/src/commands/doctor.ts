// What can this installation do, and what not?
import { Command } from 'commander'
import { DeisError, doctor as doctorRoute } from '@deis/types'
import type { Context } from '../context.ts'
import { labelled } from '../output.ts'

export function doctor(context: Context): Command[] {
  return [
    new Command('doctor').description('list what this installation can and cannot do').action(async () => {
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
      const found = checks.map(({ name, status, detail }) =>
        `${status.padEnd(9)}${name.padEnd(width + 2)}${detail.replaceAll('\n', `\n${indent}`)}`.trimEnd(),
      )
      context.answer(report, ['=== Doctor', ...labelled(rows, 11), '', ...found])
    }),
  ]
}
