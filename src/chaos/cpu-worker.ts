// Burns a share of one core until it is stopped, and never longer than requested.
declare const self: Worker

export type Burn = { stop: Int32Array; share: number; until: number }

const SLICE = 20

self.onmessage = ({ data: { stop, share, until } }: MessageEvent<Burn>) => {
  while (Atomics.load(stop, 0) === 0 && Date.now() < until) {
    const busyUntil = performance.now() + SLICE * share
    while (performance.now() < busyUntil);
    if (share < 1) Atomics.wait(stop, 0, 0, SLICE * (1 - share))
  }
}
