// The messages between the supervisor and its processes. A reload may start a newer release below an older supervisor: messages are only added, and
// an unknown one is ignored.

/** Listeners among the `count` that share a port, by the number that the kernel gives each, in ascending order. */
export type Some = { indices: number[]; count: number }

export type ToProcess =
  /** A replica opens the shared port; the embedded database ends. */
  | { open: true }
  | { end: true }
  /** New connections go to none of these listeners. */
  | { avoid: Some }
  /** New connections go to all listeners again. */
  | { spread: true }
  /** The replica drains: another one has replaced it. */
  | { leave: true }

export type FromProcess =
  /** A replica waits for `open`; the embedded database accepts connections. */
  { ready: true } | { opened: { url: string | null; slot: number } } | { closed: true }
