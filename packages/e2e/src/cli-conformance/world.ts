// On what do the conformance scenarios run: on which backend, with which users and apps?
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { type Checkout, newCheckout } from '../app.ts'
import { mustWork, newPerson, password, type Person } from '../client.ts'
import type { ClusterPlatform } from '../cluster.ts'
import { callApi } from '../http.ts'
import { type Platform, registrationToken } from '../platform.ts'
import { freePort } from '../port.ts'
import { type Deis, speaker } from './says.ts'
import { type Json, jsonSpeaker } from './shapes.ts'

export type Actor = {
  readonly person: Person
  readonly deis: Deis
  readonly json: Json
  /** The same in another folder. */
  at(folder: string): { readonly deis: Deis; readonly json: Json }
}

export type World = {
  readonly platform: Platform
  readonly tlsPort: number
  /** Null on one machine; there are no images, limits, tags, autoscaling and registries then. */
  readonly cluster: ClusterPlatform | null
  /** What an app is called that nobody else has. */
  name(app: string): string
  /** The first account. */
  readonly root: Actor
  /** Whose apps it is of no matter to the scenario: all may use this account, none may change it. */
  readonly owner: Actor
  /** A user with a profile and an SSH key. */
  newActor(name: string): Promise<Actor>
  /** An app of the owner's that never ran; DEIS_APP names it. */
  newApp(app: string): Promise<Spoken>
  /** The same, but running: a web process and no worker, and a checkout whose remote `deis` leads to it. */
  deployed(app: string): Promise<Deployed>
}

/** An app, and the command where it is the app in question. */
export type Spoken = { readonly app: string; readonly deis: Deis; readonly json: Json }
/** `release` is the number of the one that runs. */
export type Deployed = Spoken & { readonly folder: string; readonly release: number }

/** One way through some commands; all of them may go on at the same time. */
export type Scenario = {
  readonly name: string
  /** What it needs is not on this machine: it is skipped by name. */
  readonly absent?: boolean
  run(world: World): Promise<void>
}

export function actorOf(person: Person): Actor {
  const at = (cwd: string) => ({ deis: speaker(person, { cwd }), json: jsonSpeaker(person, { cwd }) })
  return { person, ...at(person.home), at }
}

/** What the scenarios want of a platform besides its usual settings. */
export async function settingsOfWorld(): Promise<{ tlsPort: number; settings: Record<string, string> }> {
  const tlsPort = await freePort()
  const settings = {
    DEIS_ROUTER_TLS_PORT: String(tlsPort),
    REGISTRATION_MODE: 'enabled',
    KUBERNETES_POD_TERMINATION_GRACE_PERIOD_SECONDS: '2',
  }
  return { tlsPort, settings }
}

async function post(platform: Platform, token: string | null, path: string, body: object): Promise<string> {
  const answer = await callApi(platform, token, 'POST', path, body)
  if (answer.status >= 300) throw new Error(`POST ${path} gave ${answer.status}: ${answer.body}`)
  return answer.body
}

async function newActor(platform: Platform, name: string): Promise<Actor> {
  const person = await newPerson(platform, name)
  await post(platform, null, '/v2/auth/register/', {
    username: name,
    password,
    email: `${name}@example.com`,
    token: registrationToken,
  })
  const body = await post(platform, null, '/v2/auth/login/', { username: name, password })
  const { token } = JSON.parse(body) as { token: string }
  // As the original client writes it: a profile of either is read by the other.
  const profile = { username: name, ssl_verify: true, controller: platform.api, token, response_limit: 0 }
  await mkdir(join(person.home, '.deis'), { mode: 0o700 })
  await writeFile(join(person.home, '.deis/client.json'), JSON.stringify(profile), { mode: 0o600 })
  const key = await readFile(join(person.home, '.ssh/id_ed25519.pub'), 'utf8')
  await post(platform, token, '/v2/keys/', { id: `${name}@laptop`, public: key })
  return actorOf(person)
}

/** Answers every request, and says so. */
const served =
  "require('http').createServer((_,answer)=>answer.end('hello')).listen(process.env.PORT,()=>console.log('listening'))"

/** Creating an app is a scenario of its own; others find theirs made. */
async function create(platform: Platform, { person }: Actor, app: string, values?: object): Promise<void> {
  const token = await person.token()
  await post(platform, token, '/v2/apps/', { id: app })
  if (values !== undefined) await post(platform, token, `/v2/apps/${app}/config/`, { values })
}

async function deploy({ platform, cluster }: World, checkout: Checkout, actor: Actor): Promise<number> {
  const { app, folder } = checkout
  await create(platform, actor, app, cluster === null ? undefined : { PORT: '8080' })
  const remote = ['remote', 'add', 'deis', `${platform.git}/${app}.git`]
  mustWork(await actor.person.git(remote, folder), 'git remote add')
  if (cluster === null) {
    await checkout.deploy()
    return 2
  }
  const procfile = `web: node -e "${served}"\nworker: sleep 100000`
  const { deis } = actor.at(folder)
  await deis(['pull', `${cluster.registry}/stack:1`, '-p', procfile], ['Creating build... done'])
  return 3
}

export async function openWorld(platform: Platform, cluster: ClusterPlatform | null, tlsPort: number): Promise<World> {
  const root = await newActor(platform, 'root')
  const owner = await newActor(platform, 'owner')
  const world: World = {
    platform,
    tlsPort,
    cluster,
    root,
    owner,
    name: (app) => cluster?.name(app) ?? app,
    newActor: (name) => newActor(platform, name),
    async newApp(wanted) {
      const app = world.name(wanted)
      await create(platform, owner, app)
      const more = { cwd: owner.person.home, env: { DEIS_APP: app } }
      return { app, deis: speaker(owner.person, more), json: jsonSpeaker(owner.person, more) }
    },
    async deployed(wanted) {
      const app = world.name(wanted)
      const checkout = await newCheckout(owner.person, app, 'plain')
      const release = await deploy(world, checkout, owner)
      return { app, release, folder: checkout.folder, ...owner.at(checkout.folder) }
    },
  }
  expect(await callApi(platform, await root.person.token(), 'GET', '/v2/users/')).toMatchObject({ status: 200 })
  return world
}
