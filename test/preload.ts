import { afterAll, setDefaultTimeout } from 'bun:test'
import { putAway } from './at-end.ts'

setDefaultTimeout(150_000) // of a file that is run by itself; as --timeout in package.json, for a machine that is busy with other tests
afterAll(putAway) // thousands of folders
