// How do programs that others run (`programs/` of a package) get into a bundle, and into tests, as texts?
// A shell program is imported as it is; one in TypeScript, imported with `?program`, as a script for `node -e`.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

const suffix = '?program'

async function scriptOf(file) {
  const { outputFiles } = await build({
    entryPoints: [file],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    legalComments: 'none',
    logLevel: 'warning',
  })
  return outputFiles[0].text
}

/** For esbuild. */
export const embedPrograms = {
  name: 'embed-programs',
  setup({ initialOptions, onResolve, onLoad }) {
    initialOptions.loader = { ...initialOptions.loader, '.sh': 'text' }
    onResolve({ filter: /\?program$/ }, ({ path, resolveDir }) => ({
      path: join(resolveDir, path.slice(0, -suffix.length)),
      namespace: 'program',
    }))
    onLoad({ filter: /.*/, namespace: 'program' }, async ({ path }) => ({
      contents: await scriptOf(path),
      loader: 'text',
    }))
  },
}

/** For vitest. */
export const embedProgramsInTests = {
  name: 'embed-programs',
  enforce: 'pre',
  async load(id) {
    if (id.endsWith('.sh')) return `export default ${JSON.stringify(readFileSync(id, 'utf8'))}`
    if (id.endsWith(suffix)) return `export default ${JSON.stringify(await scriptOf(id.slice(0, -suffix.length)))}`
    return null
  },
}
