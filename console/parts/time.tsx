import { useState } from 'preact/hooks'
import { useEvery } from '../server/clock.ts'
import { ago, moment } from './figures.ts'

/** A moment, relative; absolute on hover. */
export function Time({ at }: { at: string }) {
  const [, render] = useState(0)
  useEvery(30, () => render((count) => count + 1))
  return (
    <time dateTime={at} title={moment(at)}>
      {ago(at)}
    </time>
  )
}
