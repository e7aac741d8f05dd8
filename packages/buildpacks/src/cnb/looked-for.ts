// Which files do well-known buildpacks look for, so that users learn what their app lacks?
import type { BuildpackId } from './builder-facts.ts'

// By the last part of a buildpack's id: heroku/python, paketo-buildpacks/python.
const files: Readonly<Record<string, string>> = {
  node: 'package.json',
  nodejs: 'package.json',
  python: 'requirements.txt, pyproject.toml, Pipfile or poetry.lock',
  ruby: 'Gemfile.lock',
  go: 'go.mod',
  php: 'composer.json',
  java: 'pom.xml or gradlew',
  jvm: 'pom.xml or gradlew',
  maven: 'pom.xml',
  gradle: 'gradlew or build.gradle',
  scala: 'build.sbt',
  sbt: 'build.sbt',
  dotnet: '*.csproj, *.fsproj or *.sln',
  'dotnet-core': '*.csproj, *.fsproj or *.sln',
  procfile: 'Procfile',
}

/** `package.json (heroku/nodejs), Procfile (heroku/procfile)`; empty: it has none of these buildpacks. */
export function lookedFor(buildpacks: readonly BuildpackId[]): string {
  const found = new Map<string, string>()
  for (const { id } of buildpacks) {
    const last = id.slice(id.lastIndexOf('/') + 1)
    if (Object.hasOwn(files, last)) found.set(files[last] ?? '', id)
  }
  return [...found].map(([file, id]) => `${file} (${id})`).join(', ')
}
