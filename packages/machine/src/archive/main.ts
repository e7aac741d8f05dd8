// How is the archive program started by itself?
import { runArchive } from './run.ts'

runArchive((code) => process.exit(code))
