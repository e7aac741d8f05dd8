// Which settings did the operator choose for apps on a cluster, and are they valid (docs/contract/api.md §5)?
import { isIP } from 'node:net'
import type { ClusterSettings } from '@deis/kubernetes'
import type {
  ChoiceSetting,
  FlagSetting,
  IntegerSetting,
  ListSetting,
  OptionalIntegerSetting,
  SettingNames,
  settings,
  TextSetting,
} from '@deis/types/environment'

export type Env = Readonly<Record<string, string | undefined>>

/** How config.ts reads a variable by the table of settings; `problems` collects what is wrong. */
export type Reader = {
  text(name: SettingNames<TextSetting>): string
  number(name: SettingNames<IntegerSetting>): number
  optionalNumber(name: SettingNames<OptionalIntegerSetting>): number | null
  choice<Name extends SettingNames<ChoiceSetting>>(name: Name, otherwise?: Choice<Name>): Choice<Name>
  flag(name: SettingNames<FlagSetting>): boolean
  list(name: SettingNames<ListSetting>): string[]
  readonly problems: string[]
}

type Choice<Name extends SettingNames<ChoiceSetting>> = (typeof settings)[Name]['default']

const hostPattern = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?$/i
const pathPattern = /^[a-z0-9]+([._/-]+[a-z0-9]+)*$/
const labelPattern = /^([a-z0-9]([a-z0-9.-]*[a-z0-9])?\/)?[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/i
const quantityPattern = /^\d+(\.\d+)?(m|k|[KMGT]i?)?$/
const issuerPattern = /^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?)?$/
const namePattern = /^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/

/** In the one form that every cluster takes: an address and how many of its bits count. */
function isNetwork(item: string): boolean {
  const [address = '', bits = '', ...more] = item.split('/')
  const family = isIP(address)
  return family !== 0 && more.length === 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128)
}

const isSource = (item: string): boolean => {
  const [key = '', value, ...more] = item.split('=')
  if (value !== undefined) return more.length === 0 && labelPattern.test(key) && labelPattern.test(value)
  return isNetwork(item) || namePattern.test(item)
}

function quota({ text, problems }: Reader): Readonly<Record<string, unknown>> | null {
  const name = 'KUBERNETES_NAMESPACE_DEFAULT_QUOTA_SPEC'
  const raw = text(name)
  if (raw === '') return null
  try {
    const parsed: unknown = JSON.parse(raw)
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed))
      return parsed as Record<string, unknown>
  } catch {
    // Reported below.
  }
  problems.push(`${name} must be a JSON object such as {"spec":{"hard":{"pods":"10"}}}`)
  return null
}

/** `a=b,c=d`. */
function pairs(
  { list, problems }: Reader,
  name: SettingNames<ListSetting>,
  left: RegExp,
  right: RegExp,
): Record<string, string> {
  const found: Record<string, string> = {}
  for (const item of list(name)) {
    const [key = '', value = '', ...more] = item.split('=')
    if (!left.test(key) || !right.test(value) || more.length > 0)
      problems.push(`${name} must be a list of pairs such as a=b,c=d; ${JSON.stringify(item)} is not one`)
    else found[key] = value
  }
  return found
}

function registry({ text, problems }: Reader): ClusterSettings['registry'] {
  const [host, organization] = [text('DEIS_REGISTRY_HOSTNAME'), text('DEIS_REGISTRY_ORGANIZATION')]
  const [username, password] = [text('DEIS_REGISTRY_USERNAME'), text('DEIS_REGISTRY_PASSWORD')]
  if (host !== '' && !hostPattern.test(host))
    problems.push(`DEIS_REGISTRY_HOSTNAME must be a host or host:port without a scheme, not ${JSON.stringify(host)}`)
  if (organization !== '' && !pathPattern.test(organization))
    problems.push(`DEIS_REGISTRY_ORGANIZATION must be a path of lowercase names, not ${JSON.stringify(organization)}`)
  if ((username === '') !== (password === ''))
    problems.push('DEIS_REGISTRY_USERNAME and DEIS_REGISTRY_PASSWORD must be set together')
  return { host, organization, username, password }
}

export function readCluster(reader: Reader): ClusterSettings {
  const { text, number, choice, list, problems } = reader
  const matching = (name: SettingNames<TextSetting>, pattern: RegExp, what: string): string => {
    const value = text(name)
    if (!pattern.test(value)) problems.push(`${name} must be ${what}, not ${JSON.stringify(value)}`)
    return value
  }
  const url = (name: SettingNames<TextSetting>): string | null => {
    const value = text(name)
    if (value === '') return null
    if (!/^https?:\/\/[^/\s]+\/?$/.test(value))
      problems.push(`${name} must be an http:// or https:// URL without a path, not ${JSON.stringify(value)}`)
    return value.replace(/\/$/, '')
  }
  const checked = (name: SettingNames<ListSetting>, isValid: (item: string) => boolean, what: string): string[] => {
    const items = list(name)
    for (const item of items)
      if (!isValid(item)) problems.push(`${name} must be a list of ${what}; ${JSON.stringify(item)} is not one`)
    return items
  }
  const insecureRegistries = list('DEIS_REGISTRY_INSECURE')
  for (const host of insecureRegistries)
    if (!hostPattern.test(host))
      problems.push(`DEIS_REGISTRY_INSECURE must be a list of hosts; ${JSON.stringify(host)} is not one`)
  return {
    routing: choice('DEIS_ROUTING'),
    ingressClass: text('DEIS_INGRESS_CLASS') || null,
    ingressIssuer: matching('DEIS_INGRESS_ISSUER', issuerPattern, 'the name of a ClusterIssuer') || null,
    registry: registry(reader),
    insecureRegistries,
    registryMirrors: pairs(reader, 'DEIS_REGISTRY_MIRRORS', hostPattern, /^[a-z0-9][a-z0-9.:/_-]*$/i),
    secretPrefix: matching('DEIS_REGISTRY_SECRET_PREFIX', namePattern, 'a name'),
    stackImage: text('DEIS_STACK_IMAGE'),
    runImage: text('DEIS_RUN_IMAGE'),
    buildahImage: text('DEIS_BUILDAH_IMAGE'),
    toolsImage: text('DEIS_TOOLS_IMAGE') || null,
    buildNamespace: matching('DEIS_BUILD_NAMESPACE', namePattern, 'a name'),
    buildNodes: pairs(reader, 'DEIS_BUILD_NODES', labelPattern, labelPattern),
    buildMemory: matching('DEIS_BUILD_MEMORY', quantityPattern, 'a quantity such as 2Gi'),
    buildCpu: matching('DEIS_BUILD_CPU', quantityPattern, 'a quantity such as 2 or 500m'),
    buildDisk: matching('DEIS_BUILD_DISK', quantityPattern, 'a quantity such as 10Gi'),
    buildpacks: list('DEIS_BUILDPACKS'),
    podUrl: url('DEIS_POD_URL'),
    podIp: text('POD_IP') || null,
    ownNamespace: text('POD_NAMESPACE') || null,
    appSources: checked(
      'DEIS_APP_SOURCES',
      isSource,
      'networks such as 10.0.0.0/8, namespaces or key=value labels of them',
    ),
    egressBlocked: checked('DEIS_EGRESS_BLOCKED', isNetwork, 'networks such as 10.0.0.0/8'),
    podSecurity: choice('DEIS_POD_SECURITY'),
    quota: quota(reader),
    drainSeconds: number('DEIS_POD_DRAIN_SECONDS'),
    debug: text('DEIS_DEBUG') !== '',
  }
}
