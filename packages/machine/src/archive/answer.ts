// How are questions about a folder's content answered? Runs in the archive program only, as the owner of the folder: a link in
// it leads only where that user may go.
import { closeSync, constants, fstatSync, lstatSync, openSync, opendirSync, readSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import type { Answer, ArchiveResult, FileStart, Listed, Question } from './order.ts'

function has(path: string): boolean {
  try {
    return !lstatSync(path).isDirectory()
  } catch {
    // It does not exist, or this user has no access to it.
    return false
  }
}

function start(path: string, bytes: number): FileStart {
  let descriptor
  try {
    // Without O_NONBLOCK, opening a named pipe would block.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return { found: 'nothing' }
    return code === 'ELOOP' ? { found: 'link' } : { found: 'unreadable', why: message }
  }
  try {
    const found = fstatSync(descriptor)
    if (!found.isFile()) return { found: 'other' }
    const buffer = Buffer.alloc(Math.min(found.size, bytes))
    const read = readSync(descriptor, buffer)
    return { found: 'file', size: found.size, start: buffer.toString('base64', 0, read) }
  } finally {
    closeSync(descriptor)
  }
}

function list(path: string, most: number): Listed {
  const folder = opendirSync(path)
  try {
    const found: { name: string; folder: boolean }[] = []
    for (let entry = folder.readSync(); entry && found.length < most; entry = folder.readSync())
      found.push({ name: entry.name, folder: entry.isDirectory() })
    return found
  } finally {
    folder.closeSync()
  }
}

function answerTo(question: Question): Answer {
  try {
    if (question.ask === 'has') return { answer: has(question.path) }
    if (question.ask === 'start') return { answer: start(question.path, question.bytes) }
    return { answer: list(question.path, question.most) }
  } catch (error) {
    return { failed: (error as Error).message }
  }
}

/** Until the input ends. */
export async function answer(questions: Readable, answers: Writable): Promise<ArchiveResult> {
  for await (const line of createInterface({ input: questions }))
    answers.write(`${JSON.stringify(answerTo(JSON.parse(line) as Question))}\n`)
  return { entries: 0, bytes: 0, leftOut: [] }
}
