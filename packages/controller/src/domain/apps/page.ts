// Which part of a list is asked for (docs/contract/api.md §1.10)?

export type PageRequest = { readonly limit: number; readonly offset: number }

const defaultLimit = 100

/** Invalid values fall back to the defaults; the database never reads more than 10,000 rows at once. */
export function pageRequest(query: { readonly limit?: string; readonly offset?: string }): PageRequest {
  const number = (raw: string | undefined): number => (raw !== undefined && /^\d{1,9}$/.test(raw) ? Number(raw) : 0)
  return { limit: Math.min(number(query.limit) || defaultLimit, 10_000), offset: number(query.offset) }
}

export type Slice<T> = { readonly count: number; readonly results: T[] }

/** Reads the slice; the total is only counted when the slice does not show it. */
export async function readSlice<Row, T>(
  page: PageRequest,
  read: (part: { skip: number; take: number }) => Promise<Row[]>,
  countAll: () => Promise<number>,
  show: (row: Row) => T,
): Promise<Slice<T>> {
  const rows = await read({ skip: page.offset, take: page.limit })
  const isLast = rows.length < page.limit && (rows.length > 0 || page.offset === 0)
  return { count: isLast ? page.offset + rows.length : await countAll(), results: rows.map(show) }
}
