// What is the Service of an app, and which annotations has it for the edge, and what is its Ingress (docs/contract/api.md §4.4)?
import { createHash } from 'node:crypto'
import type { Ingress, Service } from '../../client/objects.ts'
import { type Edge, slugPort } from '@deis/ports/scheduler'
import { appLabels } from './labels.ts'

/** Without a routable type no requests are sent to it, but its address stays. */
export function service(app: string, routable: string | null, port: number | null): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: app, namespace: app, labels: appLabels(app) },
    spec: {
      selector: { ...appLabels(app), ...(routable === null ? {} : { type: routable }) },
      ports: [{ name: 'http', port: 80, targetPort: port ?? slugPort, protocol: 'TCP' }],
    },
  }
}

/** Whether the Service already sends to this type and port. */
export function sendsTo(there: Service | undefined, routable: string | null, port: number | null): boolean {
  if (there?.metadata?.deletionTimestamp !== undefined) return false
  const wanted = service('', routable, port).spec?.ports?.[0]?.targetPort
  return (
    there !== undefined &&
    (there.spec?.selector?.type ?? null) === routable &&
    there.spec?.ports?.find((one) => one.port === 80)?.targetPort === wanted
  )
}

const flag = (value: boolean): string => (value ? 'True' : 'False')

/** Applied with its own field manager, so that emptied annotations are removed and those of others stay. */
export function edgeOf(edge: Edge): Service {
  const lists = {
    'router.deis.io/domains': edge.hosts.join(','),
    'router.deis.io/certificates': edge.certificates.map(({ host, name }) => `${host}:${name}`).join(','),
    'router.deis.io/whitelist': edge.whitelist.join(','),
  }
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: edge.app,
      namespace: edge.app,
      labels: { 'router.deis.io/routable': String(edge.routable) },
      annotations: {
        ...Object.fromEntries(Object.entries(lists).filter(([, list]) => list !== '')),
        'router.deis.io/maintenance': flag(edge.maintenance),
        'router.deis.io/ssl.enforce': flag(edge.enforceTls),
      },
    },
  }
}

export type IngressSettings = {
  readonly platformDomain: string
  readonly ingressClass: string | null
  /** The ClusterIssuer of cert-manager that gives certificates; null: they are not asked for. */
  readonly ingressIssuer: string | null
}

/** Of names that Kubernetes takes. */
const longestName = 253

/** Each host has a Secret of its own, so that one that gets no certificate keeps no other from it. */
export function secretOf(host: string): string {
  const name = host.startsWith('*.') ? `${host.slice(2)}-wildcard-tls` : `${host}-tls`
  if (name.length <= longestName) return name
  // Its beginning is for people to read; the hash is of all of it.
  const end = `-${createHash('sha256').update(host).digest('hex').slice(0, 16)}-tls`
  let length = longestName - end.length
  while ('.-'.includes(name.charAt(length - 1))) length--
  return `${name.slice(0, length)}${end}`
}

export function ingress(edge: Edge, { platformDomain, ingressClass, ingressIssuer }: IngressSettings): Ingress {
  const { app } = edge
  const hosts = edge.hosts.map((host) => (host.includes('.') ? host : `${host}.${platformDomain}`))
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: {
      name: app,
      namespace: app,
      labels: appLabels(app),
      ...(ingressIssuer === null ? {} : { annotations: { 'cert-manager.io/cluster-issuer': ingressIssuer } }),
    },
    spec: {
      ...(ingressClass === null ? {} : { ingressClassName: ingressClass }),
      ...(ingressIssuer === null ? {} : { tls: hosts.map((host) => ({ hosts: [host], secretName: secretOf(host) })) }),
      rules: hosts.map((host) => ({
        host,
        http: {
          paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: app, port: { number: 80 } } } }],
        },
      })),
    },
  }
}
