// From which addresses may an app be reached (docs/contract/api.md §2.9)?
import { DeisError, maxAddresses, type Whitelist } from '@deis/types'
import type * as Row from '../../store/generated/sqlite/client.ts'
import type { Caller, Core } from '../core.ts'
import { changeEdge } from './edge.ts'
import type { AppRow } from '../apps/rows.ts'
import { currentSettings, storeSettings } from '../apps/settings.ts'
import { isNetwork } from '@deis/lib/networks'
import { cleanAddresses, invalidAddress } from '../apps/settings-rules.ts'

export async function currentWhitelist(core: Core, app: AppRow): Promise<Whitelist> {
  return { addresses: (await currentSettings(core, app)).whitelist }
}

function checked(raw: readonly string[]): string[] {
  const addresses = cleanAddresses(raw)
  for (const one of addresses) if (!isNetwork(one)) throw new DeisError('invalid', invalidAddress(one), { list: true })
  return addresses
}

async function change(
  core: Core,
  caller: Caller,
  app: AppRow,
  answer: (after: Whitelist) => Whitelist | null,
  next: (before: readonly string[]) => string[],
): Promise<Whitelist> {
  const shown = (row: Row.Settings): Whitelist => ({ addresses: row.whitelist as string[] })
  const { row } = await changeEdge(core, app.id, () =>
    storeSettings(
      core,
      caller,
      app,
      (made) => answer(shown(made)),
      (before) => ({ ...before, whitelist: next(before.whitelist) }),
    ),
  )
  return shown(row)
}

export async function addAddresses(
  core: Core,
  caller: Caller,
  app: AppRow,
  raw: readonly string[],
): Promise<Whitelist> {
  const added = checked(raw)
  return change(
    core,
    caller,
    app,
    (after) => after,
    (before) => {
      const all = [...new Set([...before, ...added])]
      if (all.length > Math.max(maxAddresses, before.length))
        throw new DeisError(
          'invalid',
          `An app can have at most ${maxAddresses} addresses in its whitelist. Use networks such as 10.0.0.0/8.`,
          {
            list: true,
          },
        )
      return all
    },
  )
}

export async function removeAddresses(core: Core, caller: Caller, app: AppRow, raw: readonly string[]): Promise<void> {
  const removed = checked(raw)
  await change(
    core,
    caller,
    app,
    () => null,
    (before) => {
      const unknown = removed.filter((one) => !before.includes(one))
      if (unknown.length > 0)
        throw new DeisError(
          'unprocessable',
          `addresses {${unknown.map((one) => `'${one}'`).join(', ')}} does not exist in whitelist`,
        )
      return before.filter((one) => !removed.includes(one))
    },
  )
}
