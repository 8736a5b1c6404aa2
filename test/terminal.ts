// A pseudo-terminal, for programs that print something else on one.
const ANSWER_WITHIN = 60_000

/** Runs a program on a terminal of 100 columns. `screen` is all that it printed, with \n for line ends. */
export function onTerminal(command: string[], env: Record<string, string>, cwd?: string) {
  const decoder = new TextDecoder()
  let screen = ''
  const { promise: over, resolve } = Promise.withResolvers<void>()
  const child = Bun.spawn(command, {
    env,
    cwd,
    terminal: {
      cols: 100,
      rows: 40,
      data: (_, bytes) => void (screen += decoder.decode(bytes, { stream: true })),
      exit: () => resolve(),
    },
    timeout: ANSWER_WITHIN,
  })
  const shown = () => screen.replaceAll('\r\n', '\n')
  return {
    shown,
    type: (text: string) => child.terminal!.write(text),
    end: () => child.kill(),
    /** The exit code and the screen, once the program has ended and all of it has been read. */
    async ended() {
      const code = await child.exited
      await over
      return { code, screen: shown() }
    },
  }
}
