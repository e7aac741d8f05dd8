// Which addresses may reach an app?
import { Command } from 'commander'
import { addToWhitelist, DeisError, getWhitelist, removeFromWhitelist } from '@deis/types'
import type { Context } from '../profile/context.ts'
import { type AppOption, appOption } from '../parse/options.ts'
import { print, spin } from '../terminal/output.ts'

/** `10.0.0.0/8,2001:db8::1`, as one word or several; the controller checks them. */
function parseAddresses(words: readonly string[]): string[] {
  const addresses = words.flatMap((word) => word.split(',')).flatMap((text) => text.trim() || [])
  if (addresses.length > 0) return addresses
  throw new DeisError('usage', 'No address given.', { hint: 'Addresses look like 10.0.0.0/8,2001:db8::1.' })
}

export function whitelist(context: Context): Command[] {
  const { io } = context

  async function list(options: AppOption): Promise<void> {
    const id = await context.app(options.app)
    const allowed = await context.call(getWhitelist, { params: { id } })
    context.answer(allowed, [`=== ${id} Whitelisted Addresses`, ...allowed.addresses])
  }

  async function add(words: string[], options: AppOption): Promise<void> {
    const addresses = parseAddresses(words)
    const id = await context.app(options.app)
    print(io, `Adding ${addresses.join(',')} to the whitelist of ${id}...`)
    const allowed = await spin(io, () => context.call(addToWhitelist, { params: { id }, body: { addresses } }))
    print(io, 'done')
    context.answer(allowed)
  }

  async function remove(words: string[], options: AppOption): Promise<void> {
    const addresses = parseAddresses(words)
    const id = await context.app(options.app)
    print(io, `Removing ${addresses.join(',')} from the whitelist of ${id}...`)
    await spin(io, () => context.call(removeFromWhitelist, { params: { id }, body: { addresses } }))
    print(io, 'done')
  }

  const some = 'IPv4 or IPv6 addresses and networks, such as 10.0.0.0/8,2001:db8::1'
  return [
    new Command('whitelist:list')
      .description('list the addresses that may reach an app; if there are none, all may')
      .addOption(appOption())
      .action(list),
    new Command('whitelist:add')
      .description('add addresses to the whitelist of an app; only listed addresses may reach it')
      .argument('<addresses...>', some)
      .addOption(appOption())
      .action(add),
    new Command('whitelist:remove')
      .description('remove addresses from the whitelist of an app')
      .argument('<addresses...>', some)
      .addOption(appOption())
      .action(remove),
  ]
}
