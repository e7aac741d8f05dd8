// How do clients in tests find names under `localhost`, which not every machine resolves? This stands in for DNS.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const program = `const dns = require('node:dns')
const { lookup } = dns
dns.lookup = (name, options, done) => lookup(name.endsWith('.localhost') ? '127.0.0.1' : name, options, done)
`

/** For the environment of programs in Node.js; curl, and git with it, resolve such names by themselves. */
export async function localNames(folder: string): Promise<{ NODE_OPTIONS: string }> {
  const file = join(folder, 'names.cjs')
  await writeFile(file, program)
  return { NODE_OPTIONS: `--require=${file}` }
}
