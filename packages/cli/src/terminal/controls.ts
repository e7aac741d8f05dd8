// Which control characters of untrusted text may reach a terminal?

export type Filter = {
  /** The part of `text` that may be shown. Holds back a few characters at most. */
  pass(text: string): string
  /** The end of the text: resets colours. */
  end(): string
}

/** More than any colour needs. */
const mostParameters = 64
const reset = '\u001b[0m'

/** C0 but tab and line end, DEL, C1, and characters that change the direction of text. */
// oxlint-disable-next-line no-control-regex -- they are what this looks for
const special = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/

/** The sequence that is incomplete: an escape, a control sequence with its parameters, or a string for the terminal. */
type State = 'text' | 'escape' | 'sequence' | 'string' | 'stringEscape' | 'return'

const strings = new Set([']', 'P', 'X', '^', '_'])
const strings8 = new Set(['\u0090', '\u0098', '\u009d', '\u009e', '\u009f'])

/** Colours (SGR) are kept to the end of their line; a lone carriage return begins a new line. */
export function createFilter(): Filter {
  let state: State = 'text'
  let parameters = ''
  /** What must be reset at the end of the line. */
  const changed = { foreground: false, more: false }

  /** The text to show for one character, which may complete a sequence. */
  const take = (char: string): string => {
    switch (state) {
      case 'return':
        state = 'text'
        return char === '\n' ? take(char) : take('\n') + take(char)
      case 'escape':
        if (char === '[') begin()
        else if (strings.has(char)) state = 'string'
        else if (char < ' ' || char > '~') return plain(char)
        else if (char >= '0') state = 'text'
        return ''
      case 'sequence':
        if (char < ' ' || char > '~') return plain(char)
        if (char < '@') {
          if (parameters.length <= mostParameters) parameters += char
          return ''
        }
        state = 'text'
        if (char !== 'm' || !/^[\d;:]{0,64}$/.test(parameters)) return ''
        note(parameters)
        return `\u001b[${parameters}m`
      case 'string':
        // The end of the string may never come; the text after it must not be lost.
        if (char === '\n') return plain(char)
        if (char === '\u001b') state = 'stringEscape'
        else if (char === '\u0007' || char === '\u009c') state = 'text'
        return ''
      case 'stringEscape':
        state = 'escape'
        return char === '\\' ? end() : take(char)
      default:
        return plain(char)
    }
  }
  const end = (): string => {
    state = 'text'
    return ''
  }
  const isColoured = (): boolean => changed.foreground || changed.more
  const note = (sequence: string): void => {
    if (/^0*$/.test(sequence)) Object.assign(changed, { foreground: false, more: false })
    else if (sequence === '39') changed.foreground = false
    else if (/^[39][0-7]$/.test(sequence)) changed.foreground = true
    else changed.more = true
  }
  const resetColours = (): string => {
    const rest = isColoured() ? reset : ''
    note('')
    return rest
  }
  const begin = (): void => {
    state = 'sequence'
    parameters = ''
  }
  const plain = (char: string): string => {
    state = 'text'
    if (char === '\n') return `${resetColours()}\n`
    if (!special.test(char)) return char
    if (char === '\r') state = 'return'
    else if (char === '\u001b') state = 'escape'
    else if (char === '\u009b') begin()
    else if (strings8.has(char)) state = 'string'
    return ''
  }
  return {
    pass(text) {
      if (state === 'text' && !isColoured() && !special.test(text)) return text
      let shown = ''
      for (const char of text) shown += take(char)
      return shown
    },
    end() {
      const rest = state === 'return' ? take('\n') : ''
      state = 'text'
      return rest + resetColours()
    },
  }
}

/** JSON of the same value, with control characters escaped. */
export function visible(json: string): string {
  return json.replace(
    /[\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** Filters a whole text. */
export function harmless(text: string): string {
  const filter = createFilter()
  return filter.pass(text) + filter.end()
}
