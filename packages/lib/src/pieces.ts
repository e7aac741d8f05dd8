// How is a long text divided where only so many bytes fit?

/** Pieces of at most so many bytes of UTF-8, each whole characters; at least one. */
export function pieces(text: string, most: number): string[] {
  if (Buffer.byteLength(text) <= most) return [text]
  const found: string[] = []
  let piece = ''
  let bytes = 0
  for (const character of text) {
    const size = Buffer.byteLength(character)
    if (bytes + size > most) {
      found.push(piece)
      piece = ''
      bytes = 0
    }
    piece += character
    bytes += size
  }
  return [...found, piece]
}
