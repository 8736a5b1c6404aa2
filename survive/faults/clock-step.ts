import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Fault } from '../fault.ts'

const LIBRARY = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64']
  .map((folder) => join(folder, 'faketime/libfaketimeMT.so.1'))
  .find((file) => existsSync(file))

export const clockStep: Fault = {
  name: 'clock-step',
  about: 'The clock of one replica jumps an hour back, then a day ahead, and back to the right time',
  signs: {
    metric: /^waypost_clock_offset_seconds -?\d{3}/,
    log: /this machine’s clock differs from that of the database/,
    alert: /^clock_skew firing/,
    console: /The clock of this machine is [\d,]+ s (ahead of|behind)/,
  },
  restarts: true,
  atLeast: 12, // a clock that is off is an alert once it was so at two beats
  cutsOff: true, // restarted twice, to get another clock and to be rid of it
  lacks: () => (LIBRARY ? undefined : 'libfaketime is not installed'),
  async begin({ members, dir }, { random, seconds }) {
    const member = random.of(members)
    const clock = join(dir, 'clock')
    const step = (by: string) => writeFileSync(clock, `${by}\n`)
    step('+0')
    await member.end('SIGTERM')
    await member.start({
      LD_PRELOAD: LIBRARY!,
      FAKETIME_TIMESTAMP_FILE: clock,
      FAKETIME_CACHE_DURATION: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    })
    for (const by of ['-1h', '+1d', '+0']) {
      step(by)
      await Bun.sleep((seconds * 1000) / 3)
    }
    return {
      async end() {
        await member.end('SIGTERM')
        await member.start()
      },
    }
  },
}
