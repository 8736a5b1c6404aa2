// Parses server-sent events. eventsource-parser would add 1.6 KB (compressed) to the page and again to the worker, for line endings that our
// server never sends.

export type StreamEvent = { id: string; event: string; data: string }

/** Turns chunks of text into events. An incomplete event waits for the next chunk. */
export function sseParser() {
  let rest = ''
  let id = ''
  let event = 'message'
  let data: string[] = []
  return (text: string): StreamEvent[] => {
    const events: StreamEvent[] = []
    const lines = (rest + text).split('\n')
    rest = lines.pop()!
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) events.push({ id, event, data: data.join('\n') })
        id = ''
        event = 'message'
        data = []
      } else if (line.startsWith('data:')) data.push(line.slice(line[5] === ' ' ? 6 : 5))
      else if (line.startsWith('id:')) id = line.slice(3).trim()
      else if (line.startsWith('event:')) event = line.slice(6).trim()
    }
    return events
  }
}
