import { version as number } from '../../package.json'

// Set by build.ts; "dev" when run from the source.
const commit = process.env.WAYPOST_COMMIT ?? 'dev'
const date = process.env.WAYPOST_DATE ?? 'dev'

/** The running release: its number, and commit and date of the build. */
export const version = { number, commit, date, text: `waypost ${number} (${commit}, ${date})` }
