// One request at a time that may fail: whether it is in flight, and why the server refused it.
import { useState } from 'preact/hooks'
import { type ApiError, asApiError } from '../server/api.ts'
import { sentence } from './trouble.tsx'

export function useAttempt() {
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<ApiError>()
  return {
    busy,
    /** What went wrong, unless one of `fields` shows it. */
    failure: (fields: string[] = []) =>
      error && !error.details.some(({ field }) => fields.includes(whole(field))) ? sentence(error) : undefined,
    /** The server's error about a field: "This username is already taken." */
    faultOf: (field: string, name = 'it') => {
      const detail = error?.details.find((one) => whole(one.field) === field)
      return detail && sentence({ message: `${name} ${detail.message}` })
    },
    clear: () => setError(undefined),
    /** Returns whether it succeeded. */
    async run(work: () => Promise<unknown>): Promise<boolean> {
      setBusy(true)
      setError(undefined)
      try {
        await work()
        return true
      } catch (thrown) {
        setError(asApiError(thrown))
        return false
      } finally {
        setBusy(false)
      }
    },
  }
}

/** The list that tags[2] is one of. */
const whole = (field: string) => field.replace(/\[\d+\]$/, '')
