// An error in the form of the log: what failed and where, without the values that it failed on.

const MAX_CAUSES = 4
const MAX_MESSAGE = 1_000

type Known = { name?: unknown; message?: unknown; code?: unknown; constraint_name?: unknown; stack?: unknown; cause?: unknown }

/**
 * Picks a few fields, whatever else an error carries: PostgreSQL quotes values in the messages of class 22 (`invalid input syntax for type bigint:
 * "…"`) and in detail and where of any error ("Failing row contains …"), and postgres.js attaches query and parameters to its errors.
 */
export function errorForLog(error: unknown, depth = 0): Record<string, unknown> {
  if (error === null || typeof error !== 'object') return { message: String(error).slice(0, MAX_MESSAGE) }
  const { name, message, code, constraint_name, stack, cause } = error as Known
  return {
    type: String(name ?? 'Error'),
    message: messageForLog(error),
    ...(typeof code === 'string' ? { code } : {}),
    ...(typeof constraint_name === 'string' ? { constraint: constraint_name } : {}),
    ...(typeof stack === 'string' ? { stack: framesOf(stack, String(message)) } : {}),
    ...(cause !== undefined && depth < MAX_CAUSES ? { cause: errorForLog(cause, depth + 1) } : {}),
  }
}

/** The message alone, without values. */
export function messageForLog(error: unknown): string {
  const { message, code } = error as Known
  const text = typeof message === 'string' ? message.slice(0, MAX_MESSAGE) : ''
  const refusedValue = typeof code === 'string' && /^22...$/.test(code)
  return refusedValue ? text.replace(/".*/s, '…') : text
}

/** The frames alone: a stack begins with the message, which may have lines that look like frames. */
const framesOf = (stack: string, message: string) =>
  stack
    .replace(message, () => '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .join('\n')
