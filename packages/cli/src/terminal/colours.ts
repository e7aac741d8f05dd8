// How are lines coloured on a terminal?
import { Chalk, type ChalkInstance } from 'chalk'

type Colour = (chalk: ChalkInstance) => ChalkInstance
const controllerColour: Colour = (chalk) => chalk.magenta
const colours: readonly Colour[] = [
  (chalk) => chalk.red,
  (chalk) => chalk.green,
  (chalk) => chalk.yellow,
  (chalk) => chalk.blue,
  (chalk) => chalk.cyan,
  (chalk) => chalk.white,
]

/** `app[web.v3.x2x4z]` of `<time> app[web.v3.x2x4z]: line`: lines of one process look alike. */
function sourceOf(line: string): string {
  return /^\S+ (\S+\[[^\]]*\]): /.exec(line)?.[1] ?? line.split(' ', 1)[0] ?? ''
}

function colourOf(source: string): Colour {
  if (source === 'deis[controller]' || source === 'INFO') return controllerColour
  const sum = Buffer.from(source).reduce((total, byte) => total + byte, 0)
  return colours[sum % colours.length] ?? controllerColour
}

// isColourful decides whether to use colours, not chalk.
const chalk = new Chalk({ level: 1 })

/** Colours the lines of a log by their source. */
export function colouredLog(text: string): string {
  const lines = text.replace(/\n$/, '').split('\n')
  return lines.map((line) => `${colourOf(sourceOf(line))(chalk)(line)}\n`).join('')
}

/** Each line by itself: colours end at the end of their line. */
const eachLine = (text: string, colour: ChalkInstance): string =>
  text
    .split('\n')
    .map((line) => colour(line))
    .join('\n')

export const red = (text: string): string => eachLine(text, chalk.red)
export const yellow = (text: string): string => eachLine(text, chalk.yellow)
