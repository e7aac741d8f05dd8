// Which image does the report of the last step name?
import { parse } from 'smol-toml'

/** The digest of the pushed image; null: the text is not such a report. */
export function reportedDigest(text: string): string | null {
  try {
    const { image } = parse(text) as { image?: { digest?: unknown } }
    const digest = image?.digest
    return typeof digest === 'string' && /^sha256:[0-9a-f]{64}$/.test(digest) ? digest : null
  } catch {
    return null
  }
}
