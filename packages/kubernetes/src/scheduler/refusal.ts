// What can be done when the cluster refuses a pod for the rights that it asks for?

type Rule = { readonly field: RegExp; readonly hint: string }

const again = 'Deploy the app again, so that its pods are made by the rules that hold now.'
const injected =
  'The platform does not ask for it: something in the cluster adds it to pods. Show this to whoever runs the platform.'

/** By what Pod Security, and policies before it, call the fields (published with Kubernetes as the restricted profile). */
const rules: readonly Rule[] = [
  {
    field: /image will run as root|non-numeric user|runAsUser/i,
    hint: 'The image must not run as root: give it a user by its number in its Dockerfile, such as `USER 1000`.',
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

/** One hint for each kind of field that the message names; null when it is about something else. */
export function securityHint(message: string): string | null {
  if (!isSecurity.test(message)) return null
  const hints = rules.filter(({ field }) => field.test(message)).map(({ hint }) => hint)
  return hints.length === 0 ? null : [...new Set(hints)].join('\n')
}
