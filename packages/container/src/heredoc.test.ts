// Are heredocs told from what looks like one?
import { expect, test } from 'vitest'
import { failedByHeredoc, hasHeredoc } from './heredoc.ts'

test.each([
  'FROM a\nRUN <<EOF\necho x\nEOF\n',
  'FROM a\nrun <<-"EOF" sh\nEOF\n',
  'FROM a\n  COPY <<EOF /x\nEOF\n',
  'FROM a\nADD --chmod=600 <<one <<two /x/\none\ntwo\n',
  'FROM a\nONBUILD RUN cat <<EOF > /y\nEOF\n',
  'FROM a\nRUN echo a && \\\n  cat 3<<EOF\nEOF\n',
  'FROM a\nRUN --mount=type=cache,target=/c <<EOF\nEOF\n',
])('%j has one', (dockerfile) => {
  expect(hasHeredoc(dockerfile)).toBe(true)
  expect(failedByHeredoc('dockerfile parse error line 3: unknown instruction: ECHO', dockerfile)).toBe(true)
  expect(failedByHeredoc('exit code 1', dockerfile)).toBe(false)
})

test.each([
  'FROM a\nRUN echo $((1 << 2)) $((1<<2))\n',
  'FROM a\nRUN cat <<< "x"\nRUN cat <<<x\n',
  'FROM a\nRUN echo "a <<EOF"\nRUN echo \'<<EOF\'\n',
  'FROM a\nRUN ["cat", "<<EOF"]\n',
  'FROM a\n# RUN <<EOF\nLABEL a=<<EOF\nCMD cat <<EOF\n',
  `FROM a\nRUN ${'\\'.repeat(50_000)}\nRUN ${'"'.repeat(50_001)}\nRUN ${"'".repeat(50_001)}\n`,
])('%.60j has none', (dockerfile) => {
  expect(hasHeredoc(dockerfile)).toBe(false)
})
