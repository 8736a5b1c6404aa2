import { useEffect, useState } from 'preact/hooks'
import { counted } from '../../src/base/counted.ts'
import { useKeys } from '../kit/browser/keys.ts'
import { curlOf } from '../kit/parts/command.ts'
import { Empty } from '../kit/parts/empty.tsx'
import { count } from '../kit/parts/figures.ts'
import { Liveness } from '../kit/parts/liveness.tsx'
import { State } from '../kit/parts/state.tsx'
import { Trouble } from '../kit/parts/trouble.tsx'
import type { ApiError } from '../kit/server/api.ts'
import { logsPath, narrowed, showView, type View } from './address.ts'
import { Detail } from './detail.tsx'
import { useFeed } from './feed.ts'
import { isLine, keyOf, readKey } from './line.ts'
import { LogList } from './list.tsx'

type Props = {
  view: View
  /** '' for the one that responds, 'all', or an id. */
  replica: string
  /** The ids behind 'all'. */
  members: string[]
  nameOf: ((replica: string) => string) | undefined
  refused: (error: ApiError | undefined) => void
}

/** follow: the end stays visible. back: the reader has scrolled up. paused: nothing moves. */
type Mode = 'follow' | 'back' | 'paused'

/** The lines of one view, with its state and buttons. */
export function Tail({ view, replica, members, nameOf, refused }: Props) {
  const feed = useFeed(view, replica, members)
  const { buffer } = feed
  const fixed = view.around !== ''
  const [mode, setMode] = useState<Mode>(fixed ? 'back' : 'follow')
  const [leftAt, setLeftAt] = useState(0) // the number after the last line at that time
  const [active, setActive] = useState<number>()
  const end = mode === 'paused' ? leftAt : buffer.end()
  const fresh = mode === 'follow' || fixed ? 0 : buffer.end() - leftAt

  const leave = (to: Mode) => {
    if (mode === 'follow') setLeftAt(buffer.end())
    setMode(to)
  }
  const follow = () => !fixed && setMode('follow')
  const toggle = () => (mode === 'paused' ? follow() : leave('paused'))
  useKeys({ p: toggle, b: follow }, fixed ? {} : { p: 'Pause or resume', b: 'Back to the newest line' })

  const bad = feed.error?.status === 400 ? feed.error : undefined
  useEffect(() => refused(bad), [bad])

  const open = useNumberOf(view.line, feed)
  const middle = useNumberOf(view.around || view.line, feed)
  const choose = (number: number) => {
    const line = buffer.at(number)
    if (!isLine(line)) return
    setActive(number)
    if (mode === 'follow') leave('back')
    showView({ ...view, line: number === open ? '' : keyOf(line) }, { replace: true })
  }
  const line = open === undefined ? undefined : buffer.at(open)
  const shown = end - buffer.first()
  const { asked, answered } = feed.figures()

  return (
    <>
      <div class="log-bar">
        <Condition feed={feed} mode={mode} fixed={fixed} />
        {!fixed && <span class="figure quiet">{count(Math.round(feed.rate()))} lines/s</span>}
        <span class="figure quiet">{counted(shown, 'line')}</span>
        {asked !== undefined && asked > 1 && (
          <span class={answered === asked ? 'figure quiet' : 'figure amiss'}>
            {answered} of {asked} replicas responded
          </span>
        )}
        {feed.skipped() > 0 && (
          <span
            class="figure amiss"
            title="They arrived faster than the browser could process them. Use a filter to get fewer lines."
          >
            {count(feed.skipped())} skipped
          </span>
        )}
        <span class="log-buttons">
          {!fixed && (
            <button type="button" class="button" aria-pressed={mode === 'paused'} title="p" onClick={toggle}>
              {mode === 'paused' ? 'Resume' : 'Pause'}
            </button>
          )}
          {!fixed && (
            <a
              class="button"
              href={logsPath(view, replica, { format: 'ndjson' })}
              download
              aria-label="Download NDJSON"
              title="All lines of this view that the replicas still have"
            >
              <span class="wordy">Download</span> NDJSON
            </a>
          )}
        </span>
      </div>
      {feed.error && !bad && feed.error.status !== 401 && (
        <Trouble error={feed.error} retryAt={feed.retryAt} retry={feed.retry} />
      )}
      <div class="log-frame">
        <LogList
          buffer={buffer}
          end={end}
          following={mode === 'follow'}
          marks={view.mark || (view.find.pattern ? '' : view.find.text)}
          nameOf={nameOf}
          open={open}
          active={active}
          middle={middle}
          detail={
            isLine(line) && (
              <Detail
                line={line}
                inContext={fixed ? undefined : () => showView({ ...view, line: keyOf(line), around: keyOf(line) })}
                follow={(request) => showView({ ...EVERYTHING, mark: view.mark, request, own: true })}
                close={() => choose(open!)}
              />
            )
          }
          choose={choose}
          move={setActive}
          left={() => leave('back')}
          reached={(edge) => {
            if (edge === 'top') feed.older()
            else if (fixed) feed.newer()
            else if (mode === 'back') follow()
          }}
        />
        {feed.ready() && shown === 0 && !feed.error && <Nothing view={view} />}
        {!feed.ready() && <p class="log-waiting quiet">Loading the newest lines…</p>}
        {mode !== 'follow' && !fixed && (
          <button type="button" class="log-new button main" onClick={follow}>
            <span aria-hidden="true">↓</span> {fresh > 0 ? `${count(fresh)} new` : 'Newest line'}
          </button>
        )}
      </div>
      <span class="unseen" role="status">
        {mode === 'paused' ? 'Paused' : ''}
      </span>
    </>
  )
}

const EVERYTHING: View = {
  replica: '',
  level: '',
  find: { text: '', pattern: false },
  hide: { text: '', pattern: false },
  mark: '',
  request: '',
  own: false,
  line: '',
  around: '',
}

type FeedNow = ReturnType<typeof useFeed>

/** The number of the line with that key, searched again when the key or the first line changes. */
function useNumberOf(key: string, { buffer, ready }: FeedNow): number | undefined {
  const target = readKey(key)
  const [found, setFound] = useState<{ key: string; number: number }>()
  const known = found?.key === key ? found.number : undefined
  const here = ready() && target !== undefined && known === undefined
  useEffect(() => {
    if (!here) return
    const number = buffer.find((entry) => isLine(entry) && entry.sequence === target.sequence && entry.replica === target.replica)
    if (number !== undefined) setFound({ key, number })
  }, [key, here, buffer.first()])
  return known
}

function Condition({ feed, mode, fixed }: { feed: FeedNow; mode: Mode; fixed: boolean }) {
  if (fixed) return <State tone="unknown">not live</State>
  if (feed.refused()) return <State tone="bad">invalid filter</State>
  if (feed.stream.phase === 'open' && mode === 'paused') return <State tone="warn">paused</State>
  return <Liveness stream={feed.stream} />
}

function Nothing({ view }: { view: View }) {
  if (view.around) return <Empty title="Line not found">A replica keeps its newest 10,000 lines, until it restarts.</Empty>
  if (narrowed(view))
    return (
      <Empty title="No lines match">
        <p>New lines appear as they arrive.</p>
        <button type="button" class="button" onClick={() => showView({ ...EVERYTHING, mark: view.mark, own: view.own })}>
          Show all lines
        </button>
      </Empty>
    )
  return (
    <Empty title="No lines yet" command={curlOf('/urls')}>
      Redirects are counted, not logged. Any other request writes a line:
    </Empty>
  )
}
