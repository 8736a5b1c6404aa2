import { useCallback, useMemo, useState } from 'preact/hooks'
import { useKeys } from '../kit/browser/keys.ts'
import { clock } from '../kit/parts/chart.tsx'
import { Choice } from '../kit/parts/choice.tsx'
import { duration } from '../kit/parts/figures.ts'
import { Liveness } from '../kit/parts/liveness.tsx'
import { PageFrame } from '../kit/parts/page.tsx'
import { State } from '../kit/parts/state.tsx'
import { Trouble } from '../kit/parts/trouble.tsx'
import { useHeard } from '../kit/server/connection.ts'
import { ALL, nows as nowsOf, useLive } from '../kit/server/live.ts'
import { PanelView } from './panel.tsx'
import { PANELS } from './panels.ts'
import { Replicas } from './replicas.tsx'
import { type Samples, useOverview } from './samples.ts'
import { Storage } from './storage.tsx'
import { useView, WINDOWS } from './view.ts'

const SMALLEST_SPAN = 10

/** Shown elsewhere: no response in the banner, 401 by the sign-in, 404 next to the replicas. */
const SHOWN_ELSEWHERE = [0, 401, 404]

/** The state of the fleet, second by second. */
export function Overview() {
  const { view, change } = useView()
  const { window, replica, span, tables } = view
  const { samples, step, first, error, retryAt, stream, retry } = useOverview(window, replica)
  const { live = first } = useLive(ALL)
  const [hovered, setHovered] = useState<number | null>(null)
  const hover = useCallback((place: number | null) => setHovered(place), [])
  const heard = useHeard()
  const nows = live ? nowsOf(live).filter(({ replica: of }) => replica === ALL || !of || of.id === replica) : []
  const states = nows.map(({ now }) => now)

  const end = samples?.time.at(-1) ?? Math.floor(Date.now() / 1000)
  const [from, to] = span ?? [end - window + step, end]
  const zoom = (start: number, stop: number) => {
    const middle = (start + stop) / 2
    const half = Math.max(stop - start, SMALLEST_SPAN * step) / 2
    const earliest = end - window + step
    if (half * 2 >= window) return change({ span: undefined })
    const begin = Math.max(earliest, Math.min(middle - half, end - half * 2))
    change({ span: [begin, begin + half * 2] })
  }
  const unzoom = () => change({ span: undefined })
  const seen = useMemo(() => (samples && span ? within(samples, span) : samples), [samples, span?.[0], span?.[1]])
  const turnAll = () => change({ tables: tables.length > 0 ? [] : PANELS.map(({ name }) => name) })
  useKeys(
    {
      t: turnAll,
      Escape: () => span && unzoom(),
      ...Object.fromEntries(
        WINDOWS.map(({ value }, place) => [String(place + 1), () => change({ window: Number(value), span: undefined })]),
      ),
    },
    { '1 – 6': 'Period, from 1 min to 24 h', t: 'Switch between charts and tables', Escape: 'Reset the zoom' },
  )

  return (
    <PageFrame
      title="Overview"
      note={span && stream.phase === 'open' ? <State tone="unknown">zoomed</State> : <Liveness stream={stream} />}
      actions={
        <>
          {span && (
            <button type="button" class="button" onClick={unzoom}>
              Reset zoom ({clock(span[0])} – {clock(span[1])})
            </button>
          )}
          <Choice
            label="Period"
            options={WINDOWS}
            value={String(window) as '60'}
            change={(value) => change({ window: Number(value), span: undefined })}
          />
        </>
      }
    >
      {error && !SHOWN_ELSEWHERE.includes(error.status) && <Trouble error={error} retryAt={retryAt} retry={retry} />}
      <Replicas
        replicas={live?.replicas}
        asked={live?.asked}
        answered={live?.answered}
        chosen={replica}
        choose={(id) => change({ replica: id })}
        dimmed={!heard}
      />
      <div
        class={samples && (error || stream.phase === 'cut' || stream.phase === 'silent') ? 'panels dimmed' : 'panels'}
        aria-busy={samples === undefined}
      >
        {PANELS.map((panel) => (
          <PanelView
            key={panel.name}
            panel={panel}
            samples={seen}
            nows={states}
            step={step}
            from={from}
            to={to}
            span={duration(to - from + step)}
            hovered={hovered}
            hover={hover}
            zoom={zoom}
            unzoom={unzoom}
            table={tables.includes(panel.name)}
            turn={() =>
              change({
                tables: tables.includes(panel.name) ? tables.filter((name) => name !== panel.name) : [...tables, panel.name],
              })
            }
          />
        ))}
        <Storage nows={states} />
      </div>
    </PageFrame>
  )
}

/** The samples of the zoomed period, for figures, trends and tables. */
function within(samples: Samples, [from, to]: [number, number]): Samples {
  const begin = samples.time.findIndex((time) => time >= from)
  const after = samples.time.findIndex((time) => time > to)
  const cut = (columns: unknown): unknown =>
    Array.isArray(columns)
      ? columns.slice(begin < 0 ? columns.length : begin, after < 0 ? undefined : after)
      : Object.fromEntries(Object.entries(columns as object).map(([name, column]) => [name, cut(column)]))
  return cut(samples) as Samples
}
