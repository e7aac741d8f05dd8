// What can you do when the cluster refuses a pod because of the rights that it requests?

type Rule = { readonly field: RegExp; readonly hint: string }

const again = 'Deploy the app again, so that its pods are created by the present rules.'
const injected =
  "The platform does not request it: something in the cluster adds it to pods. Show this to the platform's admin."

/** Fields by the names that Pod Security, and policies before it, use (the restricted profile of Kubernetes). */
const rules: readonly Rule[] = [
  {
    field: /image will run as root|non-numeric user|runAsUser/i,
    hint: 'The image must not run as root: set a numeric user in its Dockerfile, such as `USER 1000`.',
  },
  { field: /runAsNonRoot( !=|:)|allowPrivilegeEscalation|capabilit|seccomp/i, hint: again },
  {
    field:
      /hostPath|host ?namespaces|hostNetwork|hostPID|hostIPC|hostPort|privileged\b(?! escalation)|restricted volume types|procMount|sysctl|SELinux|AppArmor/i,
    hint: injected,
  },
]

const isSecurity =
  /violates PodSecurity|pod security polic(y|ies)|runAsNonRoot and image|securityContext|denied the request/i

/** One hint for each kind of field that the message names; null if it is about something else. */
export function securityHint(message: string): string | null {
  if (!isSecurity.test(message)) return null
  const hints = rules.filter(({ field }) => field.test(message)).map(({ hint }) => hint)
  return hints.length === 0 ? null : [...new Set(hints)].join('\n')
}
