// What does a build do with a buildpack, wherever it comes from?

export type Step = {
  /** @returns the name for `-----> <Name> app detected`. */
  detect(): Promise<string>
  /** @returns the environment that the hook afterwards needs beside the kit's. */
  compile(): Promise<Record<string, string>>
  /** The default process types. */
  release(): Promise<Record<string, string>>
}
