import text from '../../sql/changes.sql' with { type: 'text' }
import { IDENTITY } from '../database/position.ts'
import type { Target } from './target.ts'

/** Reads what changed since the snapshot $1; see the comments in the file. */
export const changedLinks = text.replace(':identity', () => IDENTITY)

/** One change. There is always a first row; if nothing changed, its code is null. */
export type ChangedLink = { identity: string; snapshot: string; policy: number; code: string | null } & Omit<Target, 'code'>
