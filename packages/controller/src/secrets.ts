// Which keys does a controller use that its operator did not give?
import { join } from 'node:path'
import { type Config, isLocal } from './config.ts'
import { secretFile } from './store/crypto.ts'

/** They are made once and kept in files that only the controller's user reads. */
export async function withKeys(config: Config): Promise<{ config: Config; secret: Buffer }> {
  const file = (name: string): string => join(config.dataDir, 'keys', name)
  const secret =
    config.secretKey === undefined ? await secretFile(file('secret.key')) : Buffer.from(config.secretKey, 'hex')
  const builderKey = config.builderKey ?? (await secretFile(file('builder.key'))).toString('hex')
  const routerKey = config.routerKey ?? (await secretFile(file('router.key'))).toString('hex')
  const registrationToken =
    config.registrationToken ??
    (isLocal(config) ? null : (await secretFile(file('registration.token'))).toString('hex'))
  return { config: { ...config, builderKey, routerKey, registrationToken }, secret }
}
