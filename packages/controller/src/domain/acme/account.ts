// Which account has this platform at its CA? One for all controllers, kept for ever.
import type { AcmeSettings } from '../../config-acme.ts'
import { isUniqueViolation } from '../../store/errors.ts'
import type { Core } from '../core.ts'
import { type Account, newKey, registerAccount } from './client.ts'

const purpose = 'acme account'

async function accountRow({ db, vault }: Core, directory: string): Promise<Account> {
  const find = () => db.acmeAccount.findUnique({ where: { directory } })
  let row = await find()
  if (!row) {
    const key = vault.seal(purpose, await newKey())
    row = await db.acmeAccount
      .create({ data: { directory, key, url: null, createdAt: new Date() } })
      .catch(async (error: unknown) => {
        const other = isUniqueViolation(error) ? await find() : null
        if (!other) throw error
        return other
      })
  }
  return { directory, key: vault.open(purpose, row.key), url: row.url }
}

/** @throws AcmeProblem */
export async function accountAt(core: Core, settings: AcmeSettings): Promise<Account & { readonly url: string }> {
  const account = await accountRow(core, settings.directory)
  if (account.url !== null) return { ...account, url: account.url }
  // With the same key the CA gives the same account, so a kill here costs nothing.
  const url = await registerAccount(account, settings)
  await core.db.acmeAccount.updateMany({ where: { directory: settings.directory }, data: { url } })
  core.log.info({ directory: settings.directory, account: url }, 'registered at the CA')
  return { ...account, url }
}

/** The CA does not know it any more: the next try registers again. */
export async function forgetAccount(core: Core, { directory }: AcmeSettings): Promise<void> {
  await core.db.acmeAccount.updateMany({ where: { directory }, data: { url: null } })
}
