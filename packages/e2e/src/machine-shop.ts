// How does the operator of an installed machine register there, and have an app to push?
import type { Machine } from './systemd-machine.ts'

const folder = '/root/shop'
const settings = ['user.name=op', 'user.email=op@example.com', 'core.sshCommand=ssh -o StrictHostKeyChecking=no']
/** In the app's repository. Keys of hosts are taken as they come. */
export const git = ['git', '-C', folder, ...settings.flatMap((setting) => ['-c', setting])]

/** The first account, with a key, and the app `shop` with these variables and one commit of these files. */
export async function prepareShop(
  machine: Machine,
  domain: string,
  files: Readonly<Record<string, string>>,
  variables: string,
): Promise<void> {
  const token = (await machine.ok(['cat', '/var/lib/deis/keys/registration.token'])).trim()
  const who = ['--username=op', '--password=correct-horse', '--email=op@example.com']
  await machine.ok(['deis', 'register', `http://deis.${domain}`, `--token=${token}`, ...who])
  await machine.ok(['mkdir', '-p', folder, '/root/.ssh'])
  await machine.ok(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', '/root/.ssh/id_ed25519'])
  await machine.ok(['deis', 'keys:add', '/root/.ssh/id_ed25519.pub'])
  for (const [name, text] of Object.entries(files)) await machine.ok(['tee', `${folder}/${name}`], text)
  await machine.ok([...git, 'init', '--quiet', '--initial-branch=main'])
  await machine.ok([...git, 'add', '.'])
  await machine.ok([...git, 'commit', '--quiet', '--message=one'])
  await machine.ok(['sh', '-c', `cd ${folder} && deis create shop && deis config:set ${variables}`])
}
