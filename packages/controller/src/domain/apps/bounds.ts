// How much may be stored for one app or one user? Far more than needed, so that nothing grows without bound.

export const bounds = {
  appsOfUser: 1_000,
  domainsOfApp: 200,
  collaboratorsOfApp: 200,
  keysOfUser: 100,
  certificatesOfUser: 200,
  addressesOfWhitelist: 1_000,
  typesOfAutoscale: 100,
  buildpacksOfApp: 50,
  /** Each change is a row, and only the newest counts. */
  rowsOfSettings: 50,
  /** Users whose refused changes are counted, for a minute. */
  countedRefusals: 10_000,
  /** Requests with an id whose outcome can still be asked for. */
  requestsOfUser: 500,
} as const
