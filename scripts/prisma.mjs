// How do both database clients come out of the one schema?
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** The PostgreSQL schema: the same models, another provider and another output folder. */
export function postgresqlSchema(schema) {
  return schema
    .replace('../packages/controller/src/store/generated/sqlite', './postgresql')
    .replace('provider = "sqlite"', 'provider = "postgresql"')
}

/** Generates both clients into packages/controller/src/store/generated. */
export function generateClients() {
  const folder = join(root, 'packages/controller/src/store/generated')
  mkdirSync(folder, { recursive: true })
  const derived = join(folder, 'postgresql.prisma')
  writeFileSync(derived, postgresqlSchema(readFileSync(join(root, 'prisma/schema.prisma'), 'utf8')))
  for (const schema of [join(root, 'prisma/schema.prisma'), derived]) {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [join(root, 'node_modules/prisma/build/index.js'), 'generate', '--config', join(root, 'prisma/prisma.config.ts')],
      {
        env: { ...process.env, DEIS_PRISMA_SCHEMA: schema, PRISMA_HIDE_UPDATE_MESSAGE: '1', CHECKPOINT_DISABLE: '1' },
        encoding: 'utf8',
        cwd: root,
      },
    )
    if (status !== 0) throw new Error(`prisma generate failed:\n${stdout}${stderr}`)
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) generateClients()
