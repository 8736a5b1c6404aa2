import { useEffect, useState } from 'preact/hooks'
import { ago, duration, moment } from './figures.ts'

/** A relative time; absolute on hover. */
export function Time({ at }: { at: string }) {
  useTicks(Date.now() - Date.parse(at) < 60_000 ? 1 : 30)
  return (
    <time dateTime={at} title={moment(at)}>
      {ago(at)}
    </time>
  )
}

/** The time left, counted down each second: 2 min 5 s. */
export function Countdown({ until, over = 'over' }: { until: string; over?: string }) {
  useTicks(1)
  const left = Math.ceil((Date.parse(until) - Date.now()) / 1000)
  return (
    <time dateTime={until} title={moment(until)} class="figure">
      {left > 0 ? duration(left) : over}
    </time>
  )
}

// One timer for the whole page, paused while it is hidden.
const waiting = new Map<() => void, number>()
let second = 0
setInterval(() => {
  second++
  if (document.visibilityState === 'visible') for (const [render, every] of waiting) if (second % every === 0) render()
}, 1000)

/** Renders again every `every` seconds. */
export function useTicks(every: number) {
  const [, setCount] = useState(0)
  useEffect(() => {
    const render = () => setCount((count) => count + 1)
    waiting.set(render, every)
    return () => void waiting.delete(render)
  }, [every])
}
