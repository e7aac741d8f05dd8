// How are credentials for registries written into a header of the engine?

/** Base64 for URLs. Without its padding an engine silently takes nothing from it. */
export function authHeader(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64').replaceAll('+', '-').replaceAll('/', '_')
}
