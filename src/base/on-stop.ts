/** Registers how to stop a part that was just opened; parts stop in reverse order. `ms` is the time left for it. */
export type OnStop = (name: string, stop: (ms: number) => unknown) => void
