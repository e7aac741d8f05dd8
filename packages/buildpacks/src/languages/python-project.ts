// What does a pyproject.toml ask for?
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { BuildFailure } from '@deis/ports/builder'
import type { BuildContext, More } from '../context.ts'

const Project = Type.Object({
  dependencies: Type.Array(Type.String()),
  /** Made by its build backend, so that nobody else can say what they are. */
  dynamic: Type.Boolean(),
  project: Type.Boolean(),
  build: Type.Boolean(),
  /** Its packages lie in a folder of their own. */
  src: Type.Boolean(),
  scripts: Type.Boolean(),
  python: Type.String(),
  fits: Type.Boolean(),
})
export type Project = Static<typeof Project>

// Python 3.11 has a reader of its own, and pip has always one.
const read = `
import json, os, platform
try:
    import tomllib
except ImportError:
    from pip._vendor import tomli as tomllib
with open("pyproject.toml", "rb") as file:
    data = tomllib.load(file)
project = data.get("project")
known = project if isinstance(project, dict) else {}
wanted = known.get("requires-python") or ""
fits = True
try:
    from pip._vendor.packaging.specifiers import SpecifierSet
    fits = SpecifierSet(wanted).contains(platform.python_version(), prereleases=True)
except Exception:
    pass
print(json.dumps({
    "dependencies": known.get("dependencies") or [],
    "dynamic": "dependencies" in (known.get("dynamic") or []),
    "project": bool(known),
    "build": "build-system" in data,
    "src": os.path.isdir("src"),
    "scripts": bool(known.get("scripts")),
    "python": wanted,
    "fits": fits,
}))
`

export async function readProject(context: BuildContext, more: More): Promise<Project> {
  const { code, stdout, stderr } = await context.capture('python', ['-c', read], { ...more, limit: 2 ** 20 })
  try {
    if (code === 0) return Value.Parse(Project, JSON.parse(stdout))
  } catch {
    // Reported below like anything else that cannot be read.
  }
  const reason = stderr.trim().split('\n').at(-1)
  throw new BuildFailure(
    `pyproject.toml cannot be used: ${reason || 'project.dependencies must be a list of strings'}.`,
  )
}
