// Which columns are encrypted, and for which purpose?

/** A backup is proven by opening every value of these; a purpose that is missing here fails the test beside. */
export const sealedColumns = [
  { table: 'Config', column: 'values', purpose: 'config' },
  { table: 'Config', column: 'registry', purpose: 'registry' },
  { table: 'Certificate', column: 'key', purpose: 'certificate' },
  { table: 'AcmeAccount', column: 'key', purpose: 'acme account' },
  { table: 'AcmeName', column: 'orderKey', purpose: 'acme order' },
  { table: 'AcmeName', column: 'key', purpose: 'certificate' },
  { table: 'Drain', column: 'url', purpose: 'drain' },
  { table: 'Request', column: 'answer', purpose: 'answer' },
] as const
