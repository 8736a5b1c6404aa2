import { count } from './figures.ts'

const WIDTH = 5 // of a bar and its gap
const HEIGHT = 20

/** Clicks per day as small bars, today last: their shape, not their size. Nothing if there were none. */
export function Sparkline({ clicks }: { clicks: number[] }) {
  const most = Math.max(...clicks)
  const bar = (value: number, day: number) => {
    if (value === 0) return ''
    const height = Math.max(2, Math.round((value / most) * HEIGHT))
    return `M${day * WIDTH} ${HEIGHT}v${-height}h${WIDTH - 1}v${height}z`
  }
  const sum = clicks.reduce((sum, value) => sum + value, 0)
  if (sum === 0) return null
  const words = `${count(sum)} in the last ${clicks.length} days`
  return (
    <svg class="sparkline" viewBox={`0 0 ${clicks.length * WIDTH - 1} ${HEIGHT}`} role="img" aria-label={words}>
      <title>{words}</title>
      <path d={clicks.map(bar).join('')} />
    </svg>
  )
}
