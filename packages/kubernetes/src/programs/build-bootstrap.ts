// How does the first container of a build get the program that it runs? Its image only needs `node`.
// Arguments: where the program goes, and what the program itself gets. DEIS_RUNNER: where it is fetched.
import { writeFileSync } from 'node:fs'

const attempts = 20
const pauseMs = 500

function fail(text: string): never {
  console.error(text)
  process.exit(1)
}

/** Retries: the network of a new pod may need a moment. */
async function fetchProgram(left: number): Promise<Buffer> {
  try {
    const answer = await fetch(process.env.DEIS_RUNNER ?? '')
    if (!answer.ok) fail(`The controller answered ${answer.status} for the runner.`)
    return Buffer.from(await answer.arrayBuffer())
  } catch (error) {
    const { message } = ((error as Error).cause ?? error) as Error
    if (left === 0) fail(`The controller could not be reached: ${message}`)
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
    return fetchProgram(left - 1)
  }
}

async function main([, file = '']: readonly string[]): Promise<void> {
  writeFileSync(file, await fetchProgram(attempts))
  await import(file)
}

void main(process.argv)
