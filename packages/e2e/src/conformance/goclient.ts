// Can the original client read this resource, and is it what the contract documents (docs/contract/api.md §2, §1.6, docs/contract/cli.md §4.5, §4.8)?

/** What is wrong with a value; null when nothing is. */
type Kind = (value: unknown) => string | null

const kind =
  (what: string, is: (value: unknown) => boolean): Kind =>
  (value) =>
    is(value) ? null : `is no ${what}, but ${JSON.stringify(value)?.slice(0, 100) ?? 'absent'}`

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isText = (value: unknown): value is string => typeof value === 'string'

const string = kind('string', isText)
const filled = kind('string with something in it', (value) => isText(value) && value !== '')
const integer = kind('whole number', Number.isInteger)
const boolean = kind('boolean', (value) => typeof value === 'boolean')
/** Also what existing scripts match: whole seconds, UTC. */
const timePattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/
const time = kind('time of whole seconds', (value) => isText(value) && timePattern.test(value))
const uuid = kind('uuid', (value) => isText(value) && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value))
const anything: Kind = () => null

const orNull =
  (inner: Kind): Kind =>
  (value) =>
    value === null ? null : inner(value)
/** Not documented: ours, which the Go client leaves unread. */
const ours =
  (inner: Kind): Kind =>
  (value) =>
    value === undefined ? null : inner(value)

const listOf =
  (inner: Kind): Kind =>
  (value) => {
    if (!Array.isArray(value)) return `is not a list, but ${JSON.stringify(value)}`
    const wrong = value.map((one, index) => [index, inner(one)] as const).find(([, problem]) => problem !== null)
    return wrong ? `[${wrong[0]}] ${wrong[1]}` : null
  }
/** A map never has null in it: Go would follow the pointer. */
const mapOf =
  (inner: Kind): Kind =>
  (value) => {
    if (!isMap(value)) return `is not a map, but ${JSON.stringify(value)}`
    for (const [key, one] of Object.entries(value)) {
      const problem = one === null ? 'is null' : inner(one)
      if (problem !== null) return `.${key} ${problem}`
    }
    return null
  }
const fieldsOf =
  (fields: Readonly<Record<string, Kind>>): Kind =>
  (value) => {
    if (!isMap(value)) return `is not an object, but ${JSON.stringify(value)}`
    const undocumented = Object.keys(value).find((key) => !(key in fields))
    if (undocumented !== undefined) return `.${undocumented} is in no contract`
    for (const [key, inner] of Object.entries(fields)) {
      const problem = inner(value[key])
      if (problem !== null) return `.${key} ${problem}`
    }
    return null
  }

const texts = mapOf(string)
const times = { created: time, updated: time }
const ofApp = { uuid, app: filled, owner: filled, ...times }
const probe = ours(
  fieldsOf({
    initialDelaySeconds: ours(integer),
    timeoutSeconds: ours(integer),
    periodSeconds: ours(integer),
    successThreshold: ours(integer),
    failureThreshold: ours(integer),
    exec: ours(fieldsOf({ command: listOf(string) })),
    httpGet: ours(
      fieldsOf({
        port: ours(integer),
        path: ours(string),
        host: ours(string),
        scheme: ours(string),
        httpHeaders: ours(listOf(fieldsOf({ name: string, value: string }))),
      }),
    ),
    tcpSocket: ours(fieldsOf({ port: integer })),
  }),
)
const pod = fieldsOf({ name: filled, type: filled, state: filled, release: filled, started: time })
const user = fieldsOf({
  username: filled,
  email: string,
  first_name: string,
  last_name: string,
  is_superuser: boolean,
  is_staff: boolean,
  is_active: boolean,
  groups: listOf(anything),
  user_permissions: listOf(anything),
  last_login: orNull(time),
  date_joined: time,
})

const resources = {
  App: fieldsOf({
    uuid,
    id: filled,
    owner: filled,
    structure: mapOf(integer),
    procfile_structure: ours(texts),
    ...times,
  }),
  Build: fieldsOf({
    ...ofApp,
    image: string,
    sha: string,
    procfile: texts,
    dockerfile: string,
    status: ours(filled),
    source: ours(filled),
    release: ours(fieldsOf({ version: integer, state: filled, exception: ours(filled) })),
  }),
  Config: fieldsOf({
    ...ofApp,
    values: texts,
    memory: texts,
    cpu: texts,
    tags: texts,
    registry: texts,
    healthcheck: mapOf(fieldsOf({ livenessProbe: probe, readinessProbe: probe })),
  }),
  AppSettings: fieldsOf({
    ...ofApp,
    maintenance: orNull(boolean),
    routable: orNull(boolean),
    whitelist: listOf(string),
    autoscale: mapOf(fieldsOf({ min: integer, max: integer, cpu_percent: integer })),
    label: mapOf(anything),
    builder: ours(orNull(filled)),
    buildpacks: ours(listOf(filled)),
  }),
  Tls: fieldsOf({ ...ofApp, https_enforced: orNull(boolean), hsts: ours(orNull(integer)) }),
  Whitelist: fieldsOf({ addresses: listOf(string) }),
  Domain: fieldsOf({ app: filled, owner: filled, domain: filled, ...times }),
  Key: fieldsOf({
    uuid,
    owner: filled,
    id: filled,
    public: kind(
      'public key of 16 characters and more, trimmed',
      (value) => isText(value) && /^\S.{14,}\S$/.test(value),
    ),
    fingerprint: kind('MD5 fingerprint', (value) => isText(value) && /^([0-9a-f]{2}:){15}[0-9a-f]{2}$/.test(value)),
    ...times,
  }),
  Pod: pod,
  Release: fieldsOf({
    ...ofApp,
    version: integer,
    summary: kind('summary that begins with a user', (value) => isText(value) && /^\S+ \w+/.test(value)),
    failed: boolean,
    exception: ours(orNull(string)),
    config: uuid,
    build: orNull(uuid),
  }),
  Cert: fieldsOf({
    id: integer,
    owner: filled,
    name: filled,
    common_name: orNull(string),
    san: listOf(string),
    domains: listOf(string),
    fingerprint: kind('SHA-256 fingerprint', (value) => isText(value) && /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/.test(value)),
    expires: time,
    starts: time,
    issuer: kind('name with slashes', (value) => isText(value) && value.startsWith('/')),
    subject: kind('name with slashes', (value) => isText(value) && value.startsWith('/')),
    ...times,
  }),
  User: user,
  Admin: fieldsOf({ username: filled, is_superuser: kind('true', (value) => value === true) }),
  Perms: fieldsOf({ users: listOf(filled) }),
  AppRun: fieldsOf({ exit_code: integer, output: string }),
  Version: fieldsOf({ version: integer }),
  HookRelease: fieldsOf({ release: fieldsOf({ version: integer }) }),
  HookKey: fieldsOf({ username: filled, apps: listOf(filled) }),
  HookKeys: mapOf(listOf(fieldsOf({ key: filled, fingerprint: filled }))),
  Token: fieldsOf({ token: kind('token', (value) => isText(value) && /^[0-9a-f]{40}$/.test(value)) }),
  PasswordSet: fieldsOf({ status: kind('"password set"', (value) => value === 'password set') }),
  /** The original says nothing here; whatever is said must be an object. */
  Platform: kind('object', isMap),
  /** `""`, after every token was replaced. */
  Nothing: kind('empty string', (value) => value === ''),
} satisfies Record<string, Kind>

type Resource = keyof typeof resources
export type Shape = Resource | `page of ${Resource}` | `list of ${Resource}`

const link = orNull(kind('absolute link', (value) => isText(value) && URL.canParse(value)))

function kindOf(shape: Shape): Kind {
  const [, form, name] = /^(?:(page|list) of )?(\w+)$/.exec(shape) ?? []
  const inner = resources[name as Resource]
  if (form === undefined) return inner
  if (form === 'list') return listOf(inner)
  // Pods come all at once, without links.
  const results = { count: integer, results: listOf(inner) }
  return fieldsOf(name === 'Pod' ? results : { ...results, next: link, previous: link })
}

/** @throws what the Go client would stumble over, or what the contract does not document. */
export function asGoClientReads(shape: Shape, json: unknown): void {
  const problem = kindOf(shape)(json)
  if (problem !== null) throw new Error(`${shape}: it ${problem}`)
}
