// Repeated work. It stops while the tab is hidden, so that a hidden tab sends no requests.
import { useEffect, useRef } from 'preact/hooks'

/** Calls `work` every `seconds` while the tab is visible, and at once when it comes back. */
export function useEvery(seconds: number, work: () => void) {
  const latest = useRef(work)
  latest.current = work
  useEffect(() => {
    const tick = () => document.visibilityState === 'visible' && latest.current()
    const timer = setInterval(tick, seconds * 1000)
    document.addEventListener('visibilitychange', tick)
    return () => {
      clearInterval(timer)
      document.removeEventListener('visibilitychange', tick)
    }
  }, [seconds])
}
