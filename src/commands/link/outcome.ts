import { Problem } from '../../base/problem.ts'
import { ConfigError } from '../../config/config.ts'
import { NoAnswer } from '../ask.ts'

/** 1: the server refuses. 2: a flag or a setting is wrong. 3: the server did not respond, or is unavailable: try again later. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof ConfigError) return 2
  if (error instanceof NoAnswer || (error instanceof Problem && (error.status >= 500 || error.status === 429))) return 3
  return 1
}
