// Is a failure by heredocs told from others?
import { BuildFailure } from '@deis/ports/builder'
import { expect, test } from 'vitest'
import { heredocFailure } from './heredoc.ts'

const failure = new BuildFailure(
  'The image could not be built: dockerfile parse error line 3: unknown instruction: ECHO.',
)

test.each([
  'FROM a\nRUN <<EOF\necho x\nEOF\n',
  'FROM a\nrun <<-"EOF" sh\nEOF\n',
  'FROM a\n  COPY <<EOF /x\nEOF\n',
  'FROM a\nONBUILD RUN cat <<EOF > /y\nEOF\n',
])('%j has one', (dockerfile) => {
  expect(heredocFailure(failure, dockerfile, 'Docker 20.10')?.message).toContain('which Docker 20.10 does not know')
})

test('others stay what they are', () => {
  expect(heredocFailure(failure, 'FROM a\nECHO x\nRUN echo 1 << 2\n', 'it')).toBeNull()
  expect(heredocFailure(new BuildFailure('exit code 1'), 'FROM a\nRUN <<EOF\nEOF\n', 'it')).toBeNull()
})
