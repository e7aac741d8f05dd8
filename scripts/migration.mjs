// What SQL brings the databases from the last migration to the schema?
//   node scripts/postgres.mjs node scripts/migration.mjs NAME   writes the next migration of both dialects
//   node scripts/migration.mjs --check                          exits 1 when the schema has changes that no migration makes
// Differences are taken between two schemas; PostgreSQL's are only told by an engine that is connected to one, hence the
// first command. That the migrations do what the schema says is tested in store/.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { PrismaLibSql } from '@prisma/adapter-libsql'
import { PrismaPg } from '@prisma/adapter-pg'
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils'
import { postgresqlSchema } from './prisma.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const migrations = join(root, 'prisma/migrations')
/** The schema as the last migration left it. */
const migratedSchema = join(migrations, 'schema.prisma')

let loaded

/** Once a process: the engine's glue is one module with one memory. */
async function loadEngine() {
  if (loaded) return loaded
  const folder = join(root, 'node_modules/@prisma/schema-engine-wasm')
  const glue = await import(pathToFileURL(join(folder, 'schema_engine_bg.js')).href)
  const module = new WebAssembly.Module(readFileSync(join(folder, 'schema_engine_bg.wasm')))
  const instance = new WebAssembly.Instance(module, { './schema_engine_bg.js': glue })
  // The engine reports its own panics through this global.
  globalThis.PRISMA_WASM_PANIC_REGISTRY = { set_message: (message) => console.error(message) }
  glue.__wbg_set_wasm(instance.exports)
  instance.exports.__wbindgen_start()
  loaded = glue.SchemaEngine
  return loaded
}

/** The SQL between two schemas of a dialect; from null: the whole schema. */
export async function sqlBetween(dialect, from, to) {
  const SchemaEngine = await loadEngine()
  const text = (schema) => (dialect === 'sqlite' ? schema : postgresqlSchema(schema))
  const factory =
    dialect === 'sqlite'
      ? new PrismaLibSql({ url: ':memory:' })
      : new PrismaPg({ connectionString: process.env.DATABASE_URL })
  const target = (schema) =>
    schema === null
      ? { tag: 'empty' }
      : { tag: 'schemaDatamodel', files: [{ path: 'schema.prisma', content: text(schema) }] }
  const engine = await SchemaEngine.new(
    { datamodels: [['schema.prisma', text(to)]] },
    () => {},
    bindMigrationAwareSqlAdapterFactory(factory),
  )
  try {
    const { stdout } = await engine.diff({
      from: target(from),
      to: target(to),
      script: true,
      exitCode: null,
      filters: { externalTables: [], externalEnums: [] },
    })
    return !stdout || stdout.includes('This is an empty migration') ? '' : stdout
  } finally {
    engine.free()
  }
}

async function main(argument) {
  if (!argument || (argument.startsWith('-') && argument !== '--check')) {
    console.error('usage: node scripts/migration.mjs NAME | --check')
    return 2
  }
  const before = existsSync(migratedSchema) ? readFileSync(migratedSchema, 'utf8') : null
  const after = readFileSync(join(root, 'prisma/schema.prisma'), 'utf8')
  if (!(await sqlBetween('sqlite', before, after))) {
    console.log('migrations equal the schema')
    return 0
  }
  if (argument === '--check') {
    console.error('the schema has changes that no migration makes: run node scripts/migration.mjs NAME')
    return 1
  }
  for (const dialect of ['sqlite', 'postgresql']) {
    const folder = join(migrations, dialect)
    mkdirSync(folder, { recursive: true })
    const number = String(readdirSync(folder).length + 1).padStart(4, '0')
    mkdirSync(join(folder, `${number}_${argument}`))
    writeFileSync(join(folder, `${number}_${argument}`, 'migration.sql'), await sqlBetween(dialect, before, after))
    console.log(`wrote ${dialect}/${number}_${argument}`)
  }
  writeFileSync(migratedSchema, after)
  return 0
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = await main(process.argv[2])
