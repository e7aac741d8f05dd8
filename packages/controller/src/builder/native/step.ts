// What does a build do with a buildpack, wherever it comes from?

export type Step = {
  /** @returns the name for `-----> <Name> app detected`. */
  detect(): Promise<string>
  compile(): Promise<void>
  /** The default process types. */
  release(): Promise<Record<string, string>>
}
