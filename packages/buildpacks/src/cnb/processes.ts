// Which process types does an image of Cloud Native Buildpacks have, if its builder does not read Procfiles?
import type { BuilderFacts } from './builder-facts.ts'

/** `heroku/procfile`, `paketo-buildpacks/procfile`: with one of these, what the image says includes the Procfile. */
export const readsProcfiles = ({ buildpacks }: Pick<BuilderFacts, 'buildpacks'>): boolean =>
  buildpacks.some(({ id }) => /(^|[/-])procfile$/.test(id))

/** What the image says; a Procfile that its builder does not know replaces types, as a later buildpack does. */
export function processTypes(
  facts: Pick<BuilderFacts, 'buildpacks'>,
  image: Readonly<Record<string, string>>,
  procfile: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return readsProcfiles(facts) ? image : { ...image, ...procfile }
}
