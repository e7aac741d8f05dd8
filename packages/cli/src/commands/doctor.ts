// What can this installation do, and what not?
import { Command } from 'commander'
import { DeisError, doctor as doctorRoute } from '@deis/types'
import type { Context } from '../context.ts'
import { labelled, print } from '../output.ts'

export function doctor(context: Context): Command[] {
  const { io } = context
  return [
    new Command('doctor').description('list what this installation can and cannot do').action(async () => {
      const { scheduler, version, checks } = await context.call(doctorRoute).catch((error: unknown) => {
        if (!(error instanceof DeisError) || error.code !== 'not_found') throw error
        throw new DeisError('not_found', 'This controller has no checks to show.', {
          hint: 'It is another implementation, or an older version.',
          cause: error,
        })
      })
      print(io, '=== Doctor')
      for (const line of labelled(
        [
          ['scheduler', scheduler],
          ['version', version],
        ],
        11,
      ))
        print(io, line)
      print(io)
      const width = Math.max(0, ...checks.map(({ name }) => name.length))
      // A detail of several lines stays under its first one.
      const indent = ' '.repeat('limited  '.length + width + 2)
      for (const { name, status, detail } of checks)
        print(io, `${status.padEnd(9)}${name.padEnd(width + 2)}${detail.replaceAll('\n', `\n${indent}`)}`.trimEnd())
    }),
  ]
}
