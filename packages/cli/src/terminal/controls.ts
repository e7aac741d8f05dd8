// Which characters of a text from elsewhere may reach a person's terminal?

export type Filter = {
  /** What of the next part may be shown. Keeps a few characters at most. */
  pass(text: string): string
  /** The end: colours are put back. */
  end(): string
}

/** More than any colour needs. */
const mostParameters = 64
const reset = '\u001b[0m'

/** C0 but tab and line end, DEL, C1, and what turns the direction of text around. */
// oxlint-disable-next-line no-control-regex -- these are what is looked for
const special = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/

/** What is begun, until its last character: an escape, a control sequence with its parameters, a string for the terminal. */
type State = 'text' | 'escape' | 'sequence' | 'string' | 'stringEscape' | 'return'

const strings = new Set([']', 'P', 'X', '^', '_'])
const strings8 = new Set(['\u0090', '\u0098', '\u009d', '\u009e', '\u009f'])

/** Colours (SGR) stay, up to the end of their line; a lone carriage return begins a new line. */
export function createFilter(): Filter {
  let state: State = 'text'
  let parameters = ''
  /** What has to be put back at the end of the line. */
  const changed = { foreground: false, more: false }

  /** The text for one character, which may end what was begun. */
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
        // Its end may never come, and what follows is not to be lost.
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
  const putBack = (): string => {
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
    if (char === '\n') return `${putBack()}\n`
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
      return rest + putBack()
    },
  }
}

/** JSON of the same value, without characters that a terminal might follow. */
export function visible(json: string): string {
  return json.replace(
    /[\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** A whole text. */
export function harmless(text: string): string {
  const filter = createFilter()
  return filter.pass(text) + filter.end()
}
