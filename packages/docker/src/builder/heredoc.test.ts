// Is it said what to do with a Dockerfile whose builder does not know heredocs?
import { BuildFailure } from '@deis/ports/builder'
import { expect, test } from 'vitest'
import { heredocFailure, refuseHeredocs } from './heredoc.ts'

const dockerfile = 'FROM a\nRUN <<EOF\necho x\nEOF\n'

test('a failure by heredocs says who does not know them, and others stay what they are', () => {
  const failure = new BuildFailure('dockerfile parse error line 3: unknown instruction: ECHO.')
  expect(heredocFailure(failure, dockerfile, 'Docker 20.10')?.message).toContain('which Docker 20.10 does not know')
  expect(heredocFailure(failure, 'FROM a\nECHO x\n', 'it')).toBeNull()
  expect(heredocFailure(new BuildFailure('exit code 1'), dockerfile, 'it')).toBeNull()
})

test('the classic builder, which would leave their lines out, is not asked', () => {
  expect(() => refuseHeredocs(dockerfile)).toThrow('heredocs (<<EOF), which the classic builder does not know')
  expect(() => refuseHeredocs('FROM a\nRUN echo x\n')).not.toThrow()
})
