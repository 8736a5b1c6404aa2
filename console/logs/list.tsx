// Renders only the visible lines, with space for the others: 100,000 lines cost as much as 60.
import type { ComponentChildren } from 'preact'
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { Buffer } from './buffer.ts'
import { type Entry, isLine } from './line.ts'
import { Row } from './row.tsx'

type Props = {
  buffer: Buffer
  /** The number after the last shown line. */
  end: number
  /** Keeps the end visible. */
  following: boolean
  marks: string
  nameOf?: (replica: string) => string
  /** The open line, and the line that the arrow keys have reached. */
  open: number | undefined
  active: number | undefined
  /** A line to scroll to, once. */
  middle: number | undefined
  detail: ComponentChildren
  choose: (number: number) => void
  move: (number: number | undefined) => void
  /** The reader scrolled away from the end, or to an edge. */
  left: () => void
  reached: (edge: 'top' | 'bottom') => void
}

const BEYOND = 8 // rows rendered beyond the visible ones, for scrolling
const NEAR = 200 // px from an edge that count as there
const WIDE = 24
const NARROW = 44

const narrow = matchMedia('(max-width: 900px)')

export function LogList(props: Props) {
  const { buffer, end, following, marks, nameOf, open, active, middle, detail, choose, move, left, reached } = props
  const scroller = useRef<HTMLDivElement>(null)
  const panel = useRef<HTMLDivElement>(null)
  const place = useRef({ top: 0, first: 0 }) // the scroll position while the first line had this number
  const [height, setHeight] = useState(0)
  const [panelHeight, setPanelHeight] = useState(0)
  const [, render] = useState(0)
  const row = useRowHeight()

  const first = buffer.first()
  const count = end - first
  const opened = open !== undefined && open >= first && open < end ? open : undefined
  const extra = opened === undefined ? 0 : panelHeight
  const full = count * row + extra
  const offsetOf = (number: number) => (number - first) * row + (opened !== undefined && number > opened ? extra : 0)
  const numberAt = (y: number) => {
    const below = opened === undefined ? full : (opened + 1 - first) * row
    return first + Math.floor((y < below ? y : Math.max(below - 1, y - extra)) / row)
  }
  const top = following ? Math.max(0, full - height) : place.current.top + (place.current.first - first) * row
  const from = Math.max(first, numberAt(top) - BEYOND)
  const to = Math.min(end, numberAt(top + height) + 1 + BEYOND)

  useLayoutEffect(() => {
    const element = scroller.current!
    const observer = new ResizeObserver(() => setHeight(element.clientHeight))
    observer.observe(element)
    setHeight(element.clientHeight)
    return () => observer.disconnect()
  }, [])

  useLayoutEffect(() => {
    if (!panel.current) return setPanelHeight(0)
    const element = panel.current
    const observer = new ResizeObserver(() => setPanelHeight(element.offsetHeight))
    observer.observe(element)
    return () => observer.disconnect()
  }, [opened])

  // Visible lines stay in place when lines are added before them or dropped.
  useLayoutEffect(() => {
    const element = scroller.current!
    if (Math.abs(element.scrollTop - top) >= 1) element.scrollTop = top
    place.current = { top: element.scrollTop, first }
  })

  useEffect(() => {
    if (middle === undefined || height === 0) return
    scrollTo(offsetOf(middle) - height / 3)
  }, [middle, height > 0])

  const scrollTo = (y: number) => {
    scroller.current!.scrollTop = y
    place.current = { top: scroller.current!.scrollTop, first } // before the scroll event: a render in between would undo it
    render((count) => count + 1)
  }

  const scrolled = () => {
    const { scrollTop, scrollHeight, clientHeight } = scroller.current!
    const before = place.current
    place.current = { top: scrollTop, first: buffer.first() }
    const below = scrollHeight - clientHeight - scrollTop
    if (following) return below > row ? left() : undefined // caused by our own scrolling, and already rendered
    if (scrollTop > before.top && below < 2) reached('bottom')
    if (scrollTop < before.top && scrollTop < NEAR) reached('top')
    render((count) => count + 1)
  }

  const show = (number: number) => {
    const element = scroller.current!
    const y = offsetOf(number)
    if (y < element.scrollTop) scrollTo(y)
    else if (y + row > element.scrollTop + element.clientHeight) scrollTo(y + row - element.clientHeight)
  }

  const pressed = (event: KeyboardEvent) => {
    const page = Math.max(1, Math.floor(height / row) - 1)
    const at = active ?? end
    const targets: Record<string, number> = {
      ArrowUp: at - 1,
      ArrowDown: at + 1,
      PageUp: at - page,
      PageDown: at + page,
      Home: first,
      End: end - 1,
    }
    if (event.ctrlKey || event.metaKey || event.altKey || count === 0) return
    if (event.key in targets) {
      event.preventDefault()
      const number = Math.min(Math.max(targets[event.key]!, first), end - 1)
      if (following && number < end - 1) left()
      move(number)
      show(number)
      if (number === end - 1) reached('bottom')
      if (number - first < 5) reached('top')
    } else if ((event.key === 'Enter' || event.key === ' ') && active !== undefined) {
      event.preventDefault()
      choose(active)
    } else if (event.key === 'Escape' && opened !== undefined) {
      event.preventDefault()
      choose(opened)
    }
  }

  const clicked = useCallback(
    (number: number) => {
      if (String(getSelection())) return // text is being selected
      choose(number)
    },
    [choose],
  )

  const rows: [number, Entry][] = []
  for (let number = from; number < to; number++) rows.push([number, buffer.at(number)!])
  const present = active !== undefined && active >= from && active < to

  return (
    <div
      class="log-list"
      ref={scroller}
      onScroll={scrolled}
      onWheel={({ deltaY }) => following && deltaY < 0 && full > height && left()}
    >
      <div class="log-space" style={{ height: `${full}px` }}>
        <div
          class="log-lines"
          role="listbox"
          aria-label="Log lines, oldest first"
          tabIndex={0}
          aria-activedescendant={present ? `line-${active}` : undefined}
          onKeyDown={pressed}
        >
          <div class="log-window" style={{ top: `${offsetOf(from)}px` }}>
            {rows.map(([number, entry]) => (
              <Row
                // If all rows change at once, reusing their elements is cheaper than creating new ones.
                key={following ? number - from : number}
                number={number}
                entry={entry}
                gap={number === opened ? extra : 0}
                place={number - first + 1}
                open={number === opened}
                active={number === active}
                marks={marks}
                replica={nameOf && isLine(entry) ? nameOf(entry.replica) : undefined}
                clicked={clicked}
              />
            ))}
          </div>
        </div>
        {opened !== undefined && (
          <div class="log-detail" ref={panel} style={{ top: `${(opened + 1 - first) * row}px` }}>
            {detail}
          </div>
        )}
      </div>
    </div>
  )
}

function useRowHeight(): number {
  const [height, setHeight] = useState(narrow.matches ? NARROW : WIDE)
  useEffect(() => {
    const changed = () => setHeight(narrow.matches ? NARROW : WIDE)
    narrow.addEventListener('change', changed)
    return () => narrow.removeEventListener('change', changed)
  }, [])
  return height
}
