import { useEffect, useState } from 'preact/hooks'
import { visible } from '../../../src/base/visible.ts'
import { type ApiError, isLasting } from '../server/api.ts'

/** One line: what is wrong, and when it is tried again, if a retry can help. Screen readers hear only what is wrong. */
export function Trouble({ error, retryAt, retry }: { error: ApiError; retryAt: number; retry: () => void }) {
  const seconds = useCountdown(retryAt)
  return (
    <div class="trouble">
      <span role="alert">
        <span class="sign" aria-hidden="true">
          ■
        </span>{' '}
        {sentence(error)} {error.status === 503 && 'Known links keep redirecting.'}
      </span>
      {!isLasting(error) && (
        <>
          <span class="again figure">{seconds > 0 ? `Retry in ${seconds} s` : 'Retrying…'}</span>
          <button type="button" class="link-button" onClick={retry}>
            Retry now
          </button>
        </>
      )}
    </div>
  )
}

/** The server's messages begin in lower case and have no full stop. */
export function sentence({ message }: { message: string }): string {
  return visible(`${message.charAt(0).toUpperCase()}${message.slice(1)}${/[.!?…]$/.test(message) ? '' : '.'}`)
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
