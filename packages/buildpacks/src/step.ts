// What are the steps of any buildpack, built-in or external?

export type Step = {
  /** @returns the name for `-----> <Name> app detected`. */
  detect(): Promise<string>
  /** @returns the environment that the hook afterwards needs beside the context's. */
  compile(): Promise<Record<string, string>>
  /** The default process types. */
  release(): Promise<Record<string, string>>
}
