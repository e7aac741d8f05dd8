// How much may be stored for one app or one user? Far more than anybody needs, so that nothing grows without end.

export const bounds = {
  appsOfUser: 1_000,
  domainsOfApp: 200,
  collaboratorsOfApp: 200,
  keysOfUser: 100,
  certificatesOfUser: 200,
  addressesOfWhitelist: 1_000,
  typesOfAutoscale: 100,
  /** Each change is a row, and only the newest counts. */
  rowsOfSettings: 50,
  /** Whose answers can still be asked for. */
  requestsOfUser: 500,
} as const
