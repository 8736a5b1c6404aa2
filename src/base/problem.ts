// Errors for the client: a public text with its status, and a private cause for the log, in one error.

export type Detail = { field: string; message: string }

type Extras = { details?: Detail[]; headers?: Record<string, string>; page?: Page; cause?: unknown }

/** The content of a page's form: the password of the link, or only a button. */
export type Form = 'password' | 'confirm'

/** The page for a visitor who followed a link, if it says more than the status. */
export type Page = { title: string; text: string; note?: string; form?: Form }

/** Thrown anywhere below a route; the pipeline turns it into `{error, details?, request_id}`. */
export class Problem extends Error {
  override name = 'Problem'
  readonly details?: Detail[]
  readonly headers?: Record<string, string>
  readonly page?: Page
  constructor(
    readonly status: number,
    text: string,
    { details, headers, page, cause }: Extras = {},
  ) {
    super(text, { cause })
    this.details = details
    this.headers = headers
    this.page = page
  }
}

/** 400 naming the field; `where` is its path in the body, the query parameter, or the header. */
export const invalid = (field: string, message: string) =>
  new Problem(400, `${field} ${message}`, { details: [{ field, message }] })

/** The same problem with its fields inside `outer`, such as `set`. Any other error as it is. */
export function inside(outer: string, error: unknown): unknown {
  if (!(error instanceof Problem) || !error.details) return error
  const details = error.details.map(({ field, message }) => ({ field: `${outer}.${field}`, message }))
  const [{ field, message }] = error.details as [Detail]
  const text = error.message === `${field} ${message}` ? `${outer}.${error.message}` : error.message
  return new Problem(error.status, text, { details, headers: error.headers, cause: error.cause })
}

/** 404, "User not found". */
export const notFound = (what: string) => new Problem(404, `${what} not found`)

/** 409 naming the field that is taken. */
export const conflict = (field: string, text: string) =>
  new Problem(409, text, { details: [{ field, message: 'is already taken' }] })

/** 503: try again in a second. */
export const unavailable = (text: string, cause?: unknown) => new Problem(503, text, { headers: { 'Retry-After': '1' }, cause })

/** The problem as the client sees it. */
export function problemBody({ message, details }: Problem, requestId: string) {
  return { error: message, ...(details ? { details } : {}), request_id: requestId }
}
