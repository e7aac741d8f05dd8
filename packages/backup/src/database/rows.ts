// How do the rows of a PostgreSQL database become a file that any version of its server takes, and rows again?
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { createSplitter } from '@deis/lib/split'
import type { Client } from 'pg'
import { type Static, Type } from 'typebox'
import { Check } from 'typebox/value'

/** Before the rows of each table. Rows are lists of values as the server writes them, so nothing is lost by a conversion. */
const Head = Type.Object({
  table: Type.String(),
  columns: Type.Array(Type.String(), { maxItems: 1600 }),
  /** The last value that was given out, by column. */
  sequences: Type.Record(Type.String(), Type.String()),
})
export type Head = Static<typeof Head>
const Values = Type.Array(Type.Union([Type.String(), Type.Null()]), { maxItems: 1600 })
type Values = Static<typeof Values>

const fetched = 500
const longestRow = 2 ** 26
/** Of one statement: the protocol takes 65,535. */
const mostValues = 20_000
const mostBytes = 2 ** 22

/** What both ends agree on; whatever the server or the role is set to. */
export const plainText = [
  `SET DateStyle = 'ISO, YMD'`,
  `SET IntervalStyle = 'postgres'`,
  `SET TimeZone = 'UTC'`,
  `SET extra_float_digits = 3`,
  `SET bytea_output = 'hex'`,
  `SET client_encoding = 'UTF8'`,
].join('; ')

export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** Every value as the server writes it. */
const asText = { getTypeParser: () => (value: string) => value } as never

async function columnsOf(client: Client, table: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT attname AS name FROM pg_attribute
     WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum`,
    [quoted(table)],
  )
  return rows.map(({ name }) => name)
}

async function sequencesOf(client: Client, table: string, columns: readonly string[]): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const column of columns) {
    const { rows } = await client.query<{ name: string | null }>('SELECT pg_get_serial_sequence($1, $2) AS name', [
      quoted(table),
      column,
    ])
    const name = rows[0]?.name
    // The server has quoted it.
    if (name) {
      const last = await client.query<{ last: string; used: boolean }>(
        `SELECT last_value::text AS last, is_called AS used FROM ${name}`,
      )
      if (last.rows[0]?.used) found[column] = last.rows[0].last
    }
  }
  return found
}

/** Inside a transaction that sees one moment. */
async function* lines(client: Client, tables: readonly string[]): AsyncGenerator<string> {
  for (const table of tables) {
    const columns = await columnsOf(client, table)
    yield `${JSON.stringify({ table, columns, sequences: await sequencesOf(client, table, columns) })}\n`
    await client.query(
      `DECLARE "deis" NO SCROLL CURSOR FOR SELECT ${columns.map(quoted).join(', ')} FROM ${quoted(table)}`,
    )
    for (;;) {
      const { rows } = await client.query<(string | null)[]>({
        text: `FETCH ${fetched} FROM "deis"`,
        rowMode: 'array',
        types: asText,
      })
      if (rows.length > 0) yield `${rows.map((row) => JSON.stringify(row)).join('\n')}\n`
      if (rows.length < fetched) break
    }
    await client.query('CLOSE "deis"')
  }
}

export async function writeRows(client: Client, tables: readonly string[], to: string): Promise<void> {
  const file = await open(to, 'wx', 0o600)
  try {
    for await (const text of lines(client, tables)) await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function* readLines(file: string): AsyncGenerator {
  const splitter = createSplitter(longestRow)
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>)
    for (const line of splitter.push(chunk)) yield JSON.parse(line)
  for (const line of splitter.flush()) yield JSON.parse(line)
}

/** What a table begins with, then its rows, of one table after the other. @throws when the file has something else */
export async function* readRowLines(file: string): AsyncGenerator<Head | Values> {
  let columns: number | null = null
  for await (const line of readLines(file)) {
    if (Check(Head, line)) columns = line.columns.length
    else if (!Check(Values, line) || line.length !== columns)
      throw new Error('the rows of the database do not have the form that they must have')
    yield line
  }
}

type Table = { readonly insert: string; readonly columns: number; rows: Values[]; bytes: number }

async function flush(client: Client, table: Table | null): Promise<void> {
  if (table === null || table.rows.length === 0) return
  let at = 0
  const places = table.rows.map((row) => `(${row.map(() => `$${++at}`).join(', ')})`)
  await client.query(`${table.insert} VALUES ${places.join(', ')}`, table.rows.flat())
  table.rows = []
  table.bytes = 0
}

/** Into tables that are there, and empty. @throws when the file has others, or what the server says. */
export async function readRows(client: Client, file: string, tables: ReadonlySet<string>): Promise<void> {
  let current: Table | null = null
  for await (const line of readRowLines(file)) {
    if (!Array.isArray(line)) {
      const { table, columns, sequences } = line
      await flush(client, current)
      if (!tables.has(table)) throw new Error(`the table ${table} is not one of this version of Deis`)
      const insert = `INSERT INTO ${quoted(table)} (${columns.map(quoted).join(', ')})`
      current = { insert, columns: columns.length, rows: [], bytes: 0 }
      for (const [column, last] of Object.entries(sequences))
        await client.query('SELECT setval(pg_get_serial_sequence($1, $2), $3::bigint)', [quoted(table), column, last])
      continue
    }
    if (current === null) continue
    current.rows.push(line)
    current.bytes += line.reduce((sum, value) => sum + (value?.length ?? 0), 0)
    if ((current.rows.length + 1) * current.columns > mostValues || current.bytes > mostBytes)
      await flush(client, current)
  }
  await flush(client, current)
}
