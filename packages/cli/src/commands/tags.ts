// Which machines may an app run on?
import type { Command } from 'commander'
import { configMapCommands } from '../parse/config-map.ts'
import type { Context } from '../profile/context.ts'

export function tags(context: Context): Command[] {
  return configMapCommands(context, {
    name: 'tags',
    heading: 'Tags',
    noun: 'tags',
    // A tag may be empty; the controller checks the rest.
    rule: { pattern: /^([^=]+)=([^=]*)$/, looks: 'rack=1' },
    example: 'labels that a machine must have, such as rack=1 disk=ssd',
    keys: 'keys of tags',
  })
}
