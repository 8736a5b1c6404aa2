import { visible } from '../../src/base/visible.ts'
import type { LinkStats } from '../../src/clicks/schema.ts'
import { count } from '../kit/parts/figures.ts'
import { Text } from '../kit/parts/text.tsx'

type Row = LinkStats['referrers'][number]

/** Where the clicks of a period came from, most frequent first, people in front of bots. */
export function Breakdown({
  title,
  rows,
  nothing,
  all,
}: {
  title: string
  rows: Row[] | undefined
  nothing: string
  all?: number
}) {
  const known = rows?.reduce((sum, { clicks }) => sum + clicks, 0) ?? 0
  const whole = Math.max(known, all ?? 0)
  const shown = rows && whole > known ? [...rows, { value: 'no referrer', clicks: whole - known, bots: 0, none: true }] : rows
  const most = Math.max(1, ...(shown?.map(({ clicks }) => clicks) ?? []))
  return (
    <section class="breakdown" aria-label={title}>
      <h2>{title}</h2>
      {shown?.length === 0 && <p class="quiet">{nothing}</p>}
      <table>
        <thead class="unseen">
          <tr>
            <th scope="col">{title}</th>
            <th scope="col">Clicks</th>
            <th scope="col">Share</th>
          </tr>
        </thead>
        <tbody>
          {shown?.map(({ value, clicks, bots, ...rest }) => (
            <tr key={value}>
              <th scope="row" class={'none' in rest ? 'quiet' : undefined}>
                <span class="value" title={visible(value)}>
                  {value === '(other)' ? 'others' : <Text of={value} />}
                </span>
                <span class="bar" aria-hidden="true">
                  {'none' in rest ? (
                    <span class="unknown" style={{ width: `${(clicks / most) * 100}%` }} />
                  ) : (
                    <>
                      <span class="people" style={{ width: `${((clicks - bots) / most) * 100}%` }} />
                      <span class="bots" style={{ width: `${(bots / most) * 100}%` }} />
                    </>
                  )}
                </span>
              </th>
              <td class="figure" title={bots > 0 ? `${count(bots)} by bots` : undefined}>
                {count(clicks)}
              </td>
              <td class="figure quiet">{Math.round((clicks / whole) * 100)} %</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
