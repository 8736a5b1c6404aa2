import { afterAll } from 'bun:test'
import { putAway } from './at-end.ts'

afterAll(putAway)
