// Which versions meet here?
import { Command } from 'commander'
import { controllerVersion } from '../client.ts'
import { connectionOf, type Context } from '../context.ts'
import { labelled, print } from '../output.ts'
import { apiVersion, clientVersion } from '../version.ts'

const column = 34

export function version(context: Context): Command[] {
  return [
    new Command('version')
      .description('print the version of this client')
      .option('-a, --all', 'also the versions of the API of client and controller')
      .action(async ({ all }: { all?: boolean }) => {
        const show = (...row: [string, string]): void => print(context.io, labelled([row], column)[0])
        if (!all) return print(context.io, clientVersion)
        show('Deis CLI Version', clientVersion)
        show('Deis CLI API Version', apiVersion)
        const announced = await controllerVersion(context.wire, connectionOf(await context.profile()))
        show('Deis Controller API Version', announced ?? 'not announced')
      }),
  ]
}
