// How does git's protocol frame what is said to its client?

function packet(body: Buffer): Buffer {
  return Buffer.concat([Buffer.from((body.length + 4).toString(16).padStart(4, '0')), body])
}

export const flush = Buffer.from('0000')

export const textPacket = (text: string): Buffer => packet(Buffer.from(text))

/** A refusal, before anything else is said: the client prints `fatal: remote error: <text>`. */
export const errorPacket = (text: string): Buffer => textPacket(`ERR ${text}\n`)

/** The same for a client that has announced side bands: the third one is for what ends everything. */
export const fatalPacket = (text: string): Buffer => packet(Buffer.from(`\u0003${text}`))
