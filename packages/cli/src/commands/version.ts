// Which versions do client and controller have?
import { Command } from 'commander'
import { controllerVersion } from '../http/client.ts'
import { connectionOf, type Context } from '../profile/context.ts'
import { labelled, print } from '../terminal/output.ts'
import { apiVersion, clientVersion } from '../http/version.ts'

const column = 34

export function version(context: Context): Command[] {
  return [
    new Command('version')
      .description('show the version of this client')
      .option('-a, --all', 'also show the API versions of client and controller')
      .action(async ({ all }: { all?: boolean }) => {
        const row = (label: string, value: string): string => labelled([[label, value]], column).join('')
        if (!all) return context.answer({ client: clientVersion }, [clientVersion])
        // Printed before anything can fail.
        print(context.io, row('Deis CLI Version', clientVersion))
        print(context.io, row('Deis CLI API Version', apiVersion))
        const announced = await controllerVersion(context.wire, connectionOf(await context.profile()))
        const versions = { client: clientVersion, client_api: apiVersion, controller_api: announced ?? null }
        context.answer(versions, [row('Deis Controller API Version', announced ?? 'not announced')])
      }),
  ]
}
