// What does the original client print for an error response (docs/contract/cli.md §4.7)?

const blank = 'This field may not be blank.'
const username = 'Enter a valid username. This value may contain only letters, numbers and @/./+/-/_ characters.'

/** Field, what the server says in it, and the client's text for that; the first that fits counts. */
const known: readonly (readonly [field: string, said: string, text: string])[] = [
  ['username', blank, username],
  ['username', username, username],
  ['username', 'A user with that username already exists.', 'A user with that username already exists.'],
  ['password', blank, 'A password is required'],
  ['non_field_errors', 'Unable to log in with provided credentials.', 'Unable to log in with provided credentials.'],
  [
    'id',
    'App name can only contain a-z (lowercase), 0-9 and hyphens',
    'App name can only contain a-z (lowercase), 0-9 and hyphens',
  ],
  ['id', 'Application with this id already exists.', 'Application with this id already exists.'],
  ['key', blank, 'A key is required'],
  ['key', 'Public Key is already in use', 'Public Key is already in use'],
  ['public', blank, 'A key is required'],
  ['public', 'Key contains invalid base64 chars', 'A key is required'],
  ['certificate', blank, 'Could not load certificate'],
  ['certificate', 'Could not load certificate', 'Could not load certificate'],
  ['name', blank, 'Name can only contain a-z (lowercase), 0-9 and hyphens'],
  [
    'name',
    'Can only contain a-z (lowercase), 0-9 and hyphens',
    'Name can only contain a-z (lowercase), 0-9 and hyphens',
  ],
  ['domain', 'Hostname does not look valid.', 'Hostname does not look valid.'],
  ['domain', 'Domain is already in use by another application', 'Domain is already in use by another application'],
  ['image', blank, 'The given image is invalid'],
  ['id', blank, 'An id is required'],
  ['email', 'Enter a valid email address.', 'Enter a valid email address.'],
]

const details: readonly (readonly [part: string, text: string])[] = [
  ['does not exist in application', 'Pod not found in application'],
  ['version cannot be below 0', 'Given version is invalid'],
  ['No nodes matched the provided labels', 'No nodes matched the provided labels'],
]

const fixed: Readonly<Record<number, string>> = {
  401: 'Unauthorized: Missing or Invalid Token',
  403: 'You do not have permission to perform this action.',
  405: 'Method Not Allowed',
  500: 'Internal Server Error',
}

const cancel = 'still has applications assigned. Delete or transfer ownership'

/** Where the sentence is the client's own, ours is in its place: tests ask which case it is. */
export function clientText({ status, text }: { readonly status: number; readonly text: string }): string {
  const raw = `Unknown Error (${status}): ${text}`
  if (fixed[status] !== undefined) return fixed[status]
  if (status === 404) return text === '' ? 'Not Found' : text
  if (status !== 400 && status !== 409 && status !== 422) return raw
  const json = JSON.parse(text) as unknown
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    return `Unknown Error (${status}): error decoding json response`
  const body = json as Record<string, unknown>
  const detail = typeof body.detail === 'string' ? body.detail : ''
  if (status === 409) return detail.includes(cancel) ? cancel : raw
  if (status === 422) return detail === '' ? raw : `Unable to process your request: ${detail}`
  const field = known.find(([name, said]) => {
    const list = body[name]
    if (!Array.isArray(list)) return false
    return list.some((one) => (name === 'certificate' ? String(one).includes(said) : one === said))
  })
  return field?.[2] ?? details.find(([part]) => detail.includes(part))?.[1] ?? raw.replaceAll('\\n', '\n')
}
