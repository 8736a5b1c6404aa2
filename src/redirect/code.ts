// Which paths are codes: what the redirect looks up, and whoever makes or takes codes keeps to.

/** What can be a code at all; anything else is refused before a cache or the database is asked. Imported codes may be one character. */
export const CODE = /^[A-Za-z0-9_-]{1,64}$/

/** The first words of every route (a test compares them with the router), and a few that a web server may want: never a code. */
export const RESERVED = new Set(
  `alert-status api apidocs assets bulk chaos console dashboard docs events favicon health healthz keys livez login logout logs metrics
   openapi prometheus ready readyz robots shorten static swagger urls users`.split(/\s+/),
)
