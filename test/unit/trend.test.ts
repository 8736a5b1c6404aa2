// The arrow next to a figure of the overview: of a change in the load, not in the number of replicas.
import { describe, expect, test } from 'bun:test'
import { trendOf } from '../../console/overview/measure.ts'

/** Columns of samples: `20/s by abc for 60 s` is 20 a second, reported by the replicas a, b and c, for 60 samples. */
function columnsOf(story: string) {
  const samples = story.split(', ').flatMap((part) => {
    const [, value, replicas, seconds] = /^(?:(\d+)\/s by (\w+)|nothing) for (\d+) s$/.exec(part)!
    return Array<[number | null, number | null]>(Number(seconds)).fill(
      value ? [Number(value), parseInt(replicas!, 36)] : [null, null],
    )
  })
  return { values: samples.map(([value]) => value), reporting: samples.map(([, replicas]) => replicas) }
}

const said = (trend: ReturnType<typeof trendOf>) => (trend ? `${trend.sign} ${trend.word}` : 'no trend')

describe('the trend', () => {
  test.each([
    ['20/s by abc for 240 s, 13/s by ab for 60 s', '→ steady'],
    ['13/s by ab for 240 s, 20/s by abc for 60 s', '→ steady'],
    ['20/s by abc for 240 s, 13/s by ab for 30 s, 20/s by abc for 30 s', '→ steady'],
    ['20/s by abc for 240 s, nothing for 30 s, 20/s by abc for 30 s', '→ steady'],
    ['20/s by abc for 240 s, 15/s by abd for 60 s', '→ steady'],
    ['20/s by abc for 250 s, 30/s by abc for 50 s', '↑ 50 %'],
    ['20/s by abc for 250 s, 10/s by abc for 50 s', '↓ 50 %'],
    ['20/s by abc for 240 s, 13/s by ab for 50 s, 26/s by ab for 10 s', '↑ 100 %'],
    ['20/s by abc for 250 s, 27/s by abcd for 10 s, 40/s by abc for 50 s', '↑ 100 %'],
    ['0/s by abc for 250 s, 5/s by abc for 50 s', '↑ from 0'],
    ['0/s by abc for 300 s', '→ steady'],
    ['100/s by abc for 250 s, 102/s by abc for 50 s', '→ steady'],
    ['1/s by abc for 250 s, 31/s by abc for 50 s', '↑ × 31'],
    ['20/s by abc for 9 s', 'no trend'],
    ['20/s by abc for 240 s, 13/s by ab for 9 s', 'no trend'],
  ])('of a fleet with %s is %s', (story, trend) => {
    const { values, reporting } = columnsOf(story)
    expect(said(trendOf(values, reporting))).toBe(trend)
  })

  test('of a fleet does not fall at any second after a replica has stopped', () => {
    for (let seconds = 0; seconds <= 300; seconds++) {
      const { values, reporting } = columnsOf(`20/s by abc for ${300 - seconds} s, 13/s by ab for ${seconds} s`)
      expect([seconds, said(trendOf(values, reporting))]).toEqual([seconds, expect.stringMatching(/steady|no trend/)])
    }
  })

  test.each([
    ['20/s by abc for 250 s, 13/s by ab for 50 s', '↓ 35 %'],
    ['20/s by a for 250 s, 30/s by a for 50 s', '↑ 50 %'],
    ['20/s by a for 200 s, nothing for 50 s, 20/s by a for 50 s', '→ steady'],
    ['20/s by a for 9 s', 'no trend'],
  ])('where it is not known which replicas reported, with %s, is %s', (story, trend) =>
    expect(said(trendOf(columnsOf(story).values))).toBe(trend),
  )
})
