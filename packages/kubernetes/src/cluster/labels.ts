// By which labels does the platform know its own objects, and which controller do they belong to?

/** On every object of the platform. */
export const heritage = { heritage: 'deis' } as const

export const heritageSelector = 'heritage=deis'

/** The controller that waits for the end of a Job or a one-off pod: a label of Jobs, an annotation of pods. */
export const controllerKey = 'deis.io/controller'

export const hasHeritage = ({ metadata }: { metadata?: { labels?: Readonly<Record<string, string>> } }): boolean =>
  metadata?.labels?.heritage === heritage.heritage
