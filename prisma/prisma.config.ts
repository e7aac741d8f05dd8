// Which schema does the Prisma command line read? Its native engine is never needed here: migrations are made with the wasm one.
import { defineConfig } from 'prisma/config'

// /bin/false rather than a download that may be impossible; an engine that is configured is kept.
process.env.PRISMA_SCHEMA_ENGINE_BINARY ??= '/bin/false'

export default defineConfig({ schema: process.env.DEIS_PRISMA_SCHEMA ?? 'schema.prisma' })
