// What did a build report, and is it fit to be used?
import { alikeMessage, alikeTypes, invalidProcessType, isProcessType } from '@deis/types'
import { Value } from 'typebox/value'
import { BuildFailure } from '@deis/ports/builder'
import { procfileLimits } from '@deis/ports/procfile'
import { Outcome } from './order.ts'

/** The result comes from a pod that ran the user's code: it is validated like any outside input. */
export function checkOutcome(sent: string): Outcome {
  let outcome
  try {
    outcome = Value.Parse(Outcome, JSON.parse(sent))
  } catch (error) {
    throw new BuildFailure(`The build sent a result that cannot be read: ${(error as Error).message}.`)
  }
  const types = Object.entries(outcome.processes)
  if (types.length > procfileLimits.types)
    throw new BuildFailure(`The build has more than ${procfileLimits.types} process types.`)
  for (const [type, command] of types) {
    if (!isProcessType(type))
      throw new BuildFailure(`${invalidProcessType}; ${JSON.stringify(type.slice(0, 80))} is not one.`)
    if (command.trim() === '' || command.length > procfileLimits.commandLength || command.includes('\0'))
      throw new BuildFailure(`The command of process type "${type}" is invalid.`)
  }
  const alike = alikeTypes(types.map(([type]) => type))
  if (alike) throw new BuildFailure(`${alikeMessage(alike)}.`)
  return outcome
}
