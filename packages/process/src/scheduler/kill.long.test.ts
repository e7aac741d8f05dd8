// Does one whole release serve, and nothing else run, at whichever moment of a deploy the controller is killed?
import { describe, test } from 'vitest'
import { servesOneRelease } from './kill-steps.ts'

describe.concurrent('after kill -9', { timeout: 120_000 }, () => {
  test.each([0, 60, 600, 1300])(
    'of a deploy %i ms under way, one whole release serves and nothing else runs',
    servesOneRelease,
  )
})
