import { eventSource } from './events.ts'
import { linkSource } from './links.ts'
import type { Source } from './source.ts'
import { userSource } from './users.ts'

/** Everything that can be imported; each may refer to those before it. */
export const SOURCES: Source[] = [userSource, linkSource, eventSource]
