import { useEffect, useState } from 'preact/hooks'
import type { ApiError } from '../server/api.ts'

/** One calm red line: what is wrong, and when it is tried again. */
export function Trouble({ error, retryAt, retry }: { error: ApiError; retryAt: number; retry: () => void }) {
  const seconds = useCountdown(retryAt)
  return (
    <div class="trouble" role="alert">
      <span>
        <span class="sign" aria-hidden="true">
          ■
        </span>{' '}
        {sentence(error)} {error.status === 503 && 'Links that are known go on redirecting.'}
      </span>
      <span class="again figure">{seconds > 0 ? `Next try in ${seconds} s` : 'Trying…'}</span>
      <button type="button" class="link-button" onClick={retry}>
        Try now
      </button>
    </div>
  )
}

/** The server's messages begin small and end without a stop. */
export function sentence({ message }: { message: string }): string {
  return `${message.charAt(0).toUpperCase()}${message.slice(1)}${/[.!?…]$/.test(message) ? '' : '.'}`
}

function useCountdown(until: number): number {
  const left = () => Math.max(0, Math.ceil((until - Date.now()) / 1000))
  const [seconds, setSeconds] = useState(left)
  useEffect(() => {
    setSeconds(left())
    const timer = setInterval(() => setSeconds(left()), 250)
    return () => clearInterval(timer)
  }, [until])
  return seconds
}
