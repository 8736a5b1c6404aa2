import { afterAll } from 'bun:test'
import { putAway } from './at-end.ts'

afterAll(putAway, 60_000) // thousands of folders
