// One thing at a time that may fail: whether it is under way, and what the server said against it.
import { useState } from 'preact/hooks'
import { sentence } from '../parts/trouble.tsx'
import { type ApiError, asApiError } from './api.ts'

export function useAttempt() {
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<ApiError>()
  return {
    busy,
    /** What went wrong, where it is no field's fault that `fields` has a place for. */
    failure: (fields: string[] = []) =>
      error && !error.details.some(({ field }) => fields.includes(field)) ? sentence(error) : undefined,
    /** What the server has against a field: "This username is already taken." */
    faultOf: (field: string, name = 'it') => {
      const told = error?.details.find((detail) => detail.field === field)
      return told && sentence({ message: `${name} ${told.message}` })
    },
    clear: () => setError(undefined),
    /** True where it worked. */
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
