// Which versions do client and controller have?
import { Command } from 'commander'
import { controllerVersions } from '../http/client.ts'
import { connectionOf, type Context } from '../profile/context.ts'
import { labelled, print } from '../terminal/output.ts'
import { apiVersion, clientVersion } from '../http/version.ts'

const column = 34

export function version(context: Context): Command[] {
  return [
    new Command('version')
      .description('show the version of this client')
      .option('-a, --all', 'also show the versions of the controller and of the API')
      .action(async ({ all }: { all?: boolean }) => {
        const row = (label: string, value: string): string => labelled([[label, value]], column).join('')
        if (!all) return context.answer({ client: clientVersion }, [clientVersion])
        // Printed before anything can fail.
        print(context.io, row('Deis CLI Version', clientVersion))
        print(context.io, row('Deis CLI API Version', apiVersion))
        const { api, product } = await controllerVersions(context.wire, connectionOf(await context.profile()))
        const controller = product === undefined ? null : `v${product}`
        const versions = { client: clientVersion, client_api: apiVersion, controller, controller_api: api ?? null }
        context.answer(versions, [
          // The original controller announces its API only.
          ...(controller === null ? [] : [row('Deis Controller Version', controller)]),
          row('Deis Controller API Version', api ?? 'not announced'),
        ])
      }),
  ]
}
