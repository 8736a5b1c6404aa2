import { expect, test } from 'bun:test'
import { beginWindows, quietness, quietText, watched } from '../../bench/quiet.ts'

test('a report says whether the machine was quiet', () => {
  expect(quietText({ load: 0.1, stolen: 0.004, others: 0.011 })).toBe(
    'The machine was quiet: load 0.10 before; during the windows 0.4 % of the CPU time was stolen, other processes used 1.1 %',
  )
  for (const [load, stolen, others] of [
    [2, 0, 0],
    [0, 0.2, 0],
    [0, 0, 0.2],
  ] as const)
    expect(quietText({ load, stolen, others })).toStartWith('THE MACHINE WAS NOT QUIET')
})

test.skipIf(process.platform !== 'linux')('only windows count', async () => {
  beginWindows()
  expect(quietness()).toBeUndefined()
  expect(await watched(() => Bun.sleep(200).then(() => 'done'))).toBe('done')
  const { stolen, others } = quietness()!
  for (const share of [stolen, others]) {
    expect(share).toBeGreaterThanOrEqual(0)
    expect(share).toBeLessThanOrEqual(1)
  }
})
