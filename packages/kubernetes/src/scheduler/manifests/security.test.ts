// Do pods and namespaces get the right rights, and do refusals of the cluster have a hint?
import { expect, test } from 'vitest'
import { isRestricted, levelFor, podSecurityLabels } from './security.ts'
import { securityHint } from '../refusal.ts'

const enforce = 'pod-security.kubernetes.io/enforce'
const image = { kind: 'image', reference: 'registry.test/a@sha256:0', launcher: 'none' } as const
const slug = { ...image, launcher: 'slug' } as const
const namespace = (enforced?: string, ours?: string) => ({
  metadata: {
    ...(enforced === undefined ? {} : { labels: { [enforce]: enforced } }),
    ...(ours === undefined ? {} : { annotations: { 'deis.io/pod-security': ours } }),
  },
})

test.each([
  ['a slug', slug, namespace('baseline'), true],
  ['an image', image, namespace('baseline'), false],
  ['an image, in a namespace without labels', image, namespace(), false],
  ['an image, where restricted is enforced', image, namespace('restricted'), true],
] as const)('%s', (_what, artifact, where, wanted) => expect(isRestricted(artifact, where)).toBe(wanted))

test.each([
  [slug, 'restricted', 'restricted'],
  [image, 'restricted', 'baseline'],
  [null, 'restricted', 'baseline'],
  [slug, 'baseline', 'baseline'],
  [image, 'privileged', 'privileged'],
] as const)('%j with at most %s has %s enforced', (artifact, most, wanted) =>
  expect(levelFor(artifact, most)).toBe(wanted),
)

test('a new namespace gets a level and advice', () => {
  expect(podSecurityLabels({}, 'baseline')).toEqual({
    labels: {
      [enforce]: 'baseline',
      'pod-security.kubernetes.io/warn': 'restricted',
      'pod-security.kubernetes.io/audit': 'restricted',
    },
    annotations: { 'deis.io/pod-security': 'baseline' },
  })
})

test('the platform changes its own level', () => {
  expect(podSecurityLabels(namespace('baseline', 'baseline'), 'restricted')?.labels).toMatchObject({
    [enforce]: 'restricted',
  })
})

test.each([
  ['set', namespace('privileged')],
  ['changed', namespace('restricted', 'baseline')],
  ['taken away', namespace(undefined, 'baseline')],
] as const)('a level that the operator has %s stays', (_what, there) => {
  expect(podSecurityLabels(there, 'baseline')).toBeNull()
  expect(podSecurityLabels(there, 'restricted')).toBeNull()
})

/** As Kubernetes 1.25 words it. */
const violates = (text: string): string =>
  `pods "tea-web-1" is forbidden: violates PodSecurity "restricted:latest": ${text}`
const user = /USER 1000/
const again = /Deploy the app again/
const injected = /something in the cluster adds it/

test.each([
  ['container has runAsNonRoot and image will run as root (pod: "x", container: web)', [user]],
  ['container has runAsNonRoot and image has non-numeric user (app), cannot verify user is non-root', [user]],
  [violates('runAsUser=0 (pod must not set runAsUser=0)'), [user]],
  [violates('allowPrivilegeEscalation != false (container "web" must set …)'), [again]],
  [violates('unrestricted capabilities (container "web" must set securityContext.capabilities.drop=["ALL"])'), [again]],
  [violates('runAsNonRoot != true (pod or container "web" must set securityContext.runAsNonRoot=true)'), [again]],
  [violates('seccompProfile (pod or container "web" must set securityContext.seccompProfile.type to …)'), [again]],
  [violates('hostPort (container "proxy" uses hostPort 80)'), [injected]],
  [violates('restricted volume types (volume "x" uses restricted volume type "hostPath")'), [injected]],
  [violates('host namespaces (hostNetwork=true), seccompProfile (pod must …)'), [again, injected]],
  [
    'unable to validate against any pod security policy: [spec.containers[0].securityContext.runAsUser: Invalid value: 0: running with the root UID is forbidden]',
    [user],
  ],
])('%s has its hints', (message, wanted) => {
  const hint = securityHint(message) ?? ''
  for (const one of wanted) expect(hint).toMatch(one)
  expect(hint.split('\n')).toHaveLength(wanted.length)
})

test.each(['pods "x" is forbidden: exceeded quota: tea-quota', 'connection refused', 'secret "tea-v2-env" not found'])(
  '%s is about something else',
  (message) => expect(securityHint(message)).toBeNull(),
)
