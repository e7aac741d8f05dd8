// Which names may branches and tags have?

// git's own rules (git check-ref-format), and no part that a program could take for an option.
export function isGoodRef(ref: string): boolean {
  if (ref.length > 244 || !/^refs\/[^/]/.test(ref)) return false
  if (/\.\.|@\{|[\p{Cc} ~^:?*[\\]/u.test(ref)) return false
  return ref.split('/').every((part) => part !== '' && !/^[.-]|\.$|\.lock$/.test(part))
}
