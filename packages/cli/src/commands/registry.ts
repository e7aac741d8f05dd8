// Which account pulls the images of an app?
import type { Command } from 'commander'
import { configMapCommands } from '../parse/config-map.ts'
import type { Context } from '../profile/context.ts'

export function registry(context: Context): Command[] {
  return configMapCommands(context, {
    name: 'registry',
    heading: 'Registry',
    noun: 'registry information',
    rule: { pattern: /^(username|password|hostname)=(.+)$/s, looks: 'username=bob or password=secret' },
    example:
      'username=<name> and password=<password> of the account; hostname=<host> of its registry, if that is not the one of the image',
    keys: 'username, password, hostname',
    secret: ['password'],
  })
}
