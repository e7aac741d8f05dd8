// Which labels has every image that the platform builds (docs/contract/build-and-route.md §1.10)?

export function imageLabels(
  { app, sha, id }: { app: string; sha: string; id: string },
  builder: 'slug' | 'dockerfile',
  now: Date,
): Record<string, string> {
  return {
    'org.opencontainers.image.revision': sha,
    'org.opencontainers.image.source': `git:${app}`,
    'org.opencontainers.image.created': now.toISOString(),
    'org.opencontainers.image.version': sha.slice(0, 8),
    'org.opencontainers.image.title': app,
    'io.deis.app': app,
    'io.deis.build-id': id,
    'io.deis.builder': builder,
  }
}
