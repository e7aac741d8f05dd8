// Did a node refuse what buildah needs to build: namespaces, and mounts in them?

/**
 * Reads one line of buildah's output. What the user's own steps print does not begin like this, even if they mount something.
 * Nodes refuse it by the profiles of AppArmor, or by `kernel.apparmor_restrict_unprivileged_userns` and its likes.
 */
export const isNodeRefusal = (line: string): boolean =>
  /^(?:error|time="[^"]*" level=(?:error|fatal))\b.*(?:unshare|cannot clone|user namespace|[ug]id_?map|mount).*(?:permission denied|operation not permitted)/i.test(
    line,
  )
