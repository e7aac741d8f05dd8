// What happens once before all tests of a run, and after them?
export { openRun as setup } from './run-folder.ts'
