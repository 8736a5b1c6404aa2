import { useEffect, useState } from 'preact/hooks'
import { curlOf } from '../parts/command.ts'
import { Empty } from '../parts/empty.tsx'
import { count } from '../parts/figures.ts'
import { State, type Tone } from '../parts/state.tsx'
import { Trouble } from '../parts/trouble.tsx'
import type { ApiError } from '../server/api.ts'
import { useKeys } from '../shell/keys.ts'
import { logsPath, narrowed, showView, type View } from './address.ts'
import { Detail } from './detail.tsx'
import { useFeed } from './feed.ts'
import { isLine, keyOf, readKey } from './line.ts'
import { LogList } from './list.tsx'

type Props = {
  view: View
  /** '' the one that answers, 'all', or an id. */
  replica: string
  /** The ids behind 'all'. */
  members: string[]
  nameOf: ((replica: string) => string) | undefined
  refused: (error: ApiError | undefined) => void
}

/** follow: the end stays in sight. away: the reader looks at what was before. held: nothing moves until somebody says so. */
type Mode = 'follow' | 'away' | 'held'

/** The lines of one view, and how they come. */
export function Tail({ view, replica, members, nameOf, refused }: Props) {
  const feed = useFeed(view, replica, members)
  const { buffer } = feed
  const fixed = view.around !== ''
  const [mode, setMode] = useState<Mode>(fixed ? 'away' : 'follow')
  const [leftAt, setLeftAt] = useState(0) // the number after the last line that was there
  const [active, setActive] = useState<number>()
  const end = mode === 'held' ? leftAt : buffer.end()
  const fresh = mode === 'follow' || fixed ? 0 : buffer.end() - leftAt

  const leave = (to: Mode) => {
    if (mode === 'follow') setLeftAt(buffer.end())
    setMode(to)
  }
  const follow = () => !fixed && setMode('follow')
  const toggle = () => (mode === 'held' ? follow() : leave('held'))
  useKeys({ p: toggle, b: follow }, fixed ? {} : { p: 'Pause, go on', b: 'Back to the newest line' })

  const bad = feed.error?.status === 400 ? feed.error : undefined
  useEffect(() => refused(bad), [bad])

  const open = useNumberOf(view.line, feed)
  const middle = useNumberOf(view.around || view.line, feed)
  const choose = (number: number) => {
    const line = buffer.at(number)
    if (!isLine(line)) return
    setActive(number)
    if (mode === 'follow') leave('away')
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
        <span class="figure quiet">{count(shown)} here</span>
        {asked !== undefined && asked > 1 && (
          <span class={answered === asked ? 'figure quiet' : 'figure amiss'}>
            {answered} of {asked} replicas answered
          </span>
        )}
        {feed.skipped() > 0 && (
          <span class="figure amiss" title="They came faster than this browser could take them. A filter lets fewer through.">
            {count(feed.skipped())} skipped
          </span>
        )}
        <span class="log-buttons">
          {!fixed && (
            <button type="button" class="button" aria-pressed={mode === 'held'} title="p" onClick={toggle}>
              {mode === 'held' ? 'Go on' : 'Pause'}
            </button>
          )}
          {!fixed && (
            <a
              class="button"
              href={logsPath(view, replica, { format: 'ndjson' })}
              download
              aria-label="Download NDJSON"
              title="What the replicas still have of this view"
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
          left={() => leave('away')}
          reached={(edge) => {
            if (edge === 'top') feed.older()
            else if (fixed) feed.newer()
            else if (mode === 'away') follow()
          }}
        />
        {feed.ready() && shown === 0 && !feed.error && <Nothing view={view} />}
        {!feed.ready() && <p class="log-waiting quiet">Asking for the newest lines…</p>}
        {mode !== 'follow' && !fixed && (
          <button type="button" class="log-new button main" onClick={follow}>
            <span aria-hidden="true">↓</span> {fresh > 0 ? `${count(fresh)} new` : 'Newest line'}
          </button>
        )}
      </div>
      <span class="unseen" role="status">
        {mode === 'held' ? 'Paused' : ''}
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

/** The number of the line of that key, looked for when the key or the lines' beginning changes: a number stays what it was. */
function useNumberOf(key: string, { buffer, ready }: FeedNow): number | undefined {
  const wanted = readKey(key)
  const [found, setFound] = useState<{ key: string; number: number }>()
  const known = found?.key === key ? found.number : undefined
  const here = ready() && wanted !== undefined && known === undefined
  useEffect(() => {
    if (!here) return
    const number = buffer.find((entry) => isLine(entry) && entry.sequence === wanted.sequence && entry.replica === wanted.replica)
    if (number !== undefined) setFound({ key, number })
  }, [key, here, buffer.first()])
  return known
}

const CONDITIONS: Record<FeedNow['phase'], [Tone, string]> = {
  open: ['good', 'live'],
  opening: ['unknown', 'connecting'],
  hidden: ['unknown', 'at rest'],
  cut: ['bad', 'cut off'],
}

function Condition({ feed, mode, fixed }: { feed: FeedNow; mode: Mode; fixed: boolean }) {
  if (fixed) return <State tone="unknown">not live</State>
  if (feed.refused()) return <State tone="bad">filter not understood</State>
  const [tone, word] = CONDITIONS[feed.phase]
  if (feed.phase === 'open' && mode === 'held') return <State tone="warn">paused</State>
  return <State tone={tone}>{word}</State>
}

function Nothing({ view }: { view: View }) {
  if (view.around)
    return <Empty title="This line is gone">A replica keeps its newest 10,000 lines, and begins anew when it is started.</Empty>
  if (narrowed(view))
    return (
      <Empty title="No line like this yet">
        <p>New ones appear as they come.</p>
        <button type="button" class="button" onClick={() => showView({ ...EVERYTHING, mark: view.mark, own: view.own })}>
          Show every line
        </button>
      </Empty>
    )
  return (
    <Empty title="Nothing logged yet" command={curlOf('/urls')}>
      Redirects are counted, not logged. Any other request makes a line:
    </Empty>
  )
}
