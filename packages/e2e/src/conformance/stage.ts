// On what do the steps of the suite stand: which platform, which people, which code can be deployed?
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { newCheckout } from '../app.ts'
import { mustWork, newPerson, password, type Person } from '../client.ts'
import { startOnCluster } from '../cluster.ts'
import { startOnDocker } from '../engine.ts'
import { type Platform, registrationToken, startPlatform } from '../platform.ts'
import { bareHeaders, exchange, type Reply, speaker, type Speaker, withToken } from './wire.ts'

export type Backend = 'process' | 'docker' | 'kubernetes'

export type Stage = {
  readonly backend: Backend
  readonly platform: Platform
  readonly api: string
  /** An admin, the first of all accounts; an owner; a collaborator; a stranger; nobody; a builder. */
  readonly root: Speaker
  readonly ann: Speaker
  readonly cal: Speaker
  readonly eve: Speaker
  readonly nobody: Speaker
  readonly builder: Speaker
  readonly tokens: Readonly<Record<'root' | 'ann' | 'cal' | 'eve', string>>
  /** What was answered when the first two registered. */
  readonly registered: readonly Reply[]
  /** The key with which ann pushes. */
  readonly annKey: string
  /** What an app is called here: no other app of this suite, and nothing else on the backend, has the name. */
  name(app: string): string
  /** A new app of ann's; its path. */
  create(app?: string): Promise<string>
  /** Brings code with the types `web` and `worker` to an app of ann's; it fails to start with BOOT=crash. */
  deploy(app: string): Promise<void>
  /** An image that does nothing, and ends at once when it is told to. */
  readonly idleImage: string
  stop(): Promise<void>
}

/** The steps of one part of the suite, for `on()` once the platform is up. */
export type Steps = (backend: Backend, on: () => Stage) => void

const builderKey = randomBytes(16).toString('hex')

/** As `deis register` does it: the connection check, the account, the check again, the login. */
export async function signUp(api: string, name: string): Promise<{ account: Reply; token: string }> {
  const probe = { method: 'GET', path: '/v2/', headers: bareHeaders }
  const nobody = speaker(api, {})
  await exchange(api, probe)
  const account = await nobody.post('/v2/auth/register/', {
    username: name,
    password,
    email: 'someone@example.com',
    token: registrationToken,
  })
  if (account.status !== 201) throw new Error(`${name} could not register: ${account.text}`)
  await exchange(api, probe)
  const { json } = await nobody.post('/v2/auth/login/', { username: name, password })
  return { account, token: (json as { token: string }).token }
}

type Here = Pick<Stage, 'backend' | 'name' | 'idleImage' | 'platform'> & {
  deploy(ann: Speaker, person: Person, app: string): Promise<void>
}

async function openStage({ platform, deploy, ...more }: Here): Promise<Stage> {
  const { api } = platform
  // The first account is the admin's.
  const first = await signUp(api, 'root')
  const [ann, cal, eve] = await Promise.all(['ann', 'cal', 'eve'].map((name) => signUp(api, name)))
  if (!ann || !cal || !eve) throw new Error('not everybody could register')
  const tokens = { root: first.token, ann: ann.token, cal: cal.token, eve: eve.token }
  const person = await newPerson(platform, 'ann')
  const annKey = await readFile(join(person.home, '.ssh/id_ed25519.pub'), 'utf8')
  const owner = withToken(api, tokens.ann)
  await owner.post('/v2/keys/', { id: 'ann@laptop', public: annKey })
  let serial = 0
  return {
    ...more,
    platform,
    api,
    tokens,
    annKey: annKey.trim(),
    registered: [first.account, ann.account],
    root: withToken(api, tokens.root),
    ann: owner,
    cal: withToken(api, tokens.cal),
    eve: withToken(api, tokens.eve),
    nobody: speaker(api, {}),
    builder: speaker(api, { 'X-Deis-Builder-Auth': builderKey }),
    async create(app = `app-${++serial}`) {
      const id = more.name(app)
      const { status, text } = await owner.post('/v2/apps/', { id })
      if (status !== 201) throw new Error(`${id} could not be made: ${text}`)
      return `/v2/apps/${id}`
    },
    deploy: (app) => deploy(owner, person, app),
    stop: () => platform.stop(),
  }
}

const common = {
  DEIS_BUILDER_KEY: builderKey,
  KUBERNETES_POD_TERMINATION_GRACE_PERIOD_SECONDS: '1',
  DEIS_DRAIN_SECONDS: '1',
  DEIS_DEPLOY_TIMEOUT: '60',
}

/** Code comes by git push: images have no place here. */
export async function onProcesses(): Promise<Stage> {
  const platform = await startPlatform(common)
  return openStage({
    backend: 'process',
    platform,
    idleImage: 'example.com/idle:1',
    name: (app) => app,
    async deploy(_, person, app) {
      const checkout = await newCheckout(person, app, 'plain')
      mustWork(await checkout.push(`${platform.git}/${app}.git`, 'master'), `git push of ${app}`)
    },
  })
}

const webProgram =
  "if(process.env.BOOT)process.exit(7);require('http').createServer((q,s)=>s.end('hello')).listen(process.env.PORT)"

/** Code comes as an image, which is there already. */
function withImages(
  backend: Backend,
  platform: Platform & { readonly registry: string; name(app: string): string },
): Promise<Stage> {
  return openStage({
    backend,
    platform,
    idleImage: `${platform.registry}/pause:1`,
    name: (app) => platform.name(app),
    async deploy(ann, _, app) {
      const procfile = { web: `node -e "${webProgram}"`, worker: 'sleep 100000' }
      for (const [noun, body] of [
        ['config', { values: { PORT: '8080' } }],
        ['builds', { image: `${platform.registry}/stack:1`, procfile }],
      ] as const) {
        const { status, text } = await ann.post(`/v2/apps/${app}/${noun}/`, body)
        if (status !== 201) throw new Error(`${app} could not be deployed: ${text}`)
      }
    },
  })
}

export const onKubernetes = async (): Promise<Stage> => withImages('kubernetes', await startOnCluster(common))

export const onDocker = async (): Promise<Stage> => withImages('docker', await startOnDocker(common))
