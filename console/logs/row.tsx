import { useMemo } from 'preact/hooks'
import { clock, type Entry, isLine, type Line, pieces, saidIn } from './line.ts'

type Props = {
  number: number
  entry: Entry
  /** px below it, for its details. */
  gap: number
  /** Position among all, from 1. */
  place: number
  open: boolean
  active: boolean
  marks: string
  /** The name of its replica, if several are shown. */
  replica: string | undefined
  clicked: (number: number) => void
}

const SIGNS: Record<string, string> = { warn: '▲', error: '■', fatal: '■' }

/** One line. Its content is computed once, however often the list moves. */
export function Row({ number, entry, gap, place, open, active, marks, replica, clicked }: Props) {
  const content = useMemo(
    () => (isLine(entry) ? <Words line={entry} marks={marks} replica={replica} /> : <span class="said">{entry.note}</span>),
    [entry, marks, replica],
  )
  const level = isLine(entry) ? entry.level : 'note'
  return (
    // biome-ignore lint/a11y/useFocusableInteractive: the list box has the focus and the active line
    // biome-ignore lint/a11y/useKeyWithClickEvents: the list box handles the keys
    <div
      id={`line-${number}`}
      class={`line ${level}${open ? ' open' : ''}${active ? ' active' : ''}`}
      role="option"
      aria-selected={open}
      aria-disabled={level === 'note' ? true : undefined}
      aria-posinset={place}
      aria-setsize={-1}
      style={gap > 0 ? { marginBottom: `${gap}px` } : undefined}
      onClick={() => level !== 'note' && clicked(number)}
    >
      {content}
    </div>
  )
}

function Words({ line, marks, replica }: { line: Line; marks: string; replica: string | undefined }) {
  const { message, more, status, ms } = saidIn(line)
  return (
    <>
      <span class="time figure">{clock(line.at)}</span>
      <span class="level">
        <span class="sign" aria-hidden="true">
          {SIGNS[line.level]}
        </span>
        {line.level}
      </span>
      {replica !== undefined && <span class="replica">{replica}</span>}
      <span class="said">
        <bdi>
          <Marked text={message} mark={marks} />
        </bdi>{' '}
        {more && (
          <span class="more">
            <bdi>
              <Marked text={more} mark={marks} />
            </bdi>
          </span>
        )}
      </span>
      {status !== undefined && <span class={status >= 500 ? 'status figure failed' : 'status figure'}>{status}</span>}
      {ms !== undefined && <span class="ms figure">{ms < 0.1 ? '<0.1' : ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms</span>}
    </>
  )
}

/** Highlights every second piece. */
const Marked = ({ text, mark }: { text: string; mark: string }) => (
  <>{pieces(text, mark).map((piece, index) => (index % 2 === 1 ? <mark key={index}>{piece}</mark> : piece))}</>
)
