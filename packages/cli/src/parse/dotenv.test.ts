// Are .env files parsed as other programs do, and written so that they can be parsed again?
import { expect, test } from 'vitest'
import { formatDotenv, parseDotenv, parseWords } from './dotenv.ts'

test.each([
  ['', {}],
  ['A=1\nB=2\n', { A: '1', B: '2' }],
  ['A=1\r\nB=2\r\n', { A: '1', B: '2' }],
  ['\n  \n# note\n  # note\nA=1', { A: '1' }],
  ['export A=1\nexport  B="2"', { A: '1', B: '2' }],
  ['  A = x ', { A: 'x' }],
  ['A=', { A: '' }],
  ['A=b=c', { A: 'b=c' }],
  ['A=it is "so" # a comment ', { A: 'it is "so"' }],
  ['A=x#y', { A: 'x' }],
  ['A=`a "b"`', { A: 'a "b"' }],
  ['A="with # sign" # a comment\nB=1', { A: 'with # sign', B: '1' }],
  [String.raw`A="a\nb\t\"c\" \\n \d"`, { A: 'a\nb\t"c" \\n \\d' }],
  [String.raw`A='a\nb'`, { A: String.raw`a\nb` }],
  ['A="one\ntwo"\nB=\'three\nfour\'\nC=5', { A: 'one\ntwo', B: 'three\nfour', C: '5' }],
  ['A=""\nB=\'\'', { A: '', B: '' }],
])('%j is read', (text, variables) => {
  expect(parseDotenv(text, '.env')).toEqual(variables)
})

test.each([
  ['A=1\nnonsense', '.env line 2: "nonsense" does not set a variable.'],
  ['A="1\n2"\n1B=3', '.env line 3: "1B=3" does not set a variable.'],
  ['=x', '.env line 1: "=x" does not set a variable.'],
  ['A-B=x', '.env line 1: "A-B=x" does not set a variable.'],
  ['A="x', '.env line 1: the value of "A" has no closing quote.'],
  ['A="x" y', '.env line 1: the quoted value of "A" is followed by other text.'],
])('%j is refused', (text, message) => {
  expect(() => parseDotenv(text, '.env')).toThrow(message)
})

test('what is written is read again', () => {
  const variables = {
    A: 'plain value ',
    B: 'two\nlines',
    C: '"quoted"',
    D: "'single",
    E: '',
    F: 'a\\nb',
    G: 'x\r\n\\"y"',
    H: '# no',
  }
  expect(parseDotenv(formatDotenv(variables), '.env')).toEqual(variables)
})

test('a value that is cut at a # without a blank is reported', () => {
  const cut: string[] = []
  parseDotenv('A=x#y\nB=x #y\nC="x#y"\nD=#y\nE=x', '.env', (key) => cut.push(key))
  expect(cut).toEqual(['A'])
})

test('only what needs quotes is quoted', () => {
  expect(formatDotenv({ FOO: 'xyzzy', A: 'it is "so"', M: '1\n2' })).toBe('A=it is "so"\nFOO=xyzzy\nM="1\n2"\n')
})

test.each([
  [['A=1', '#x', 'B_2=', '_c=a=b\nc'], { A: '1', B_2: '', _c: 'a=b\nc' }],
  [['#x'], {}],
])('words %j', (words, variables) => {
  expect(parseWords(words)).toEqual(variables)
})

test.each(['', 'A', '=x', '1A=x', 'A-B=x', 'A B=x', '[=x', '--', 'É=x'])('the argument %j is refused', (word) => {
  expect(() => parseWords(['A=1', word])).toThrow(`${JSON.stringify(word)} does not set a variable.`)
})
