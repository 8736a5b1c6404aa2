// The receivers of notifications: a real SMTP server and a real webhook receiver. Both can be set to refuse.
import { SMTPServer } from 'smtp-server'
import { atEnd } from './at-end.ts'

export type Mail = { from: string; to: string[]; user: string | undefined; subject: string; text: string }

/** Takes mail on a free port. `refuse(n)` answers the next n messages with a passing error; `user` and `password` are who may sign in. */
export async function mailServer({ user = '', password = '', host = '127.0.0.1' } = {}) {
  const mails: Mail[] = []
  const signIns: string[] = []
  let refusals = 0
  const server = new SMTPServer({
    authOptional: true,
    allowInsecureAuth: true,
    disabledCommands: ['STARTTLS'],
    onAuth(auth, _, done) {
      signIns.push(String(auth.username))
      if (auth.username === user && auth.password === password) return done(null, { user })
      done(new Error(`who is ${auth.username} with ${auth.password}?`)) // a server that repeats its input
    },
    onMailFrom(_, __, done) {
      if (refusals <= 0) return done()
      refusals--
      done(Object.assign(new Error('try later'), { responseCode: 451 }))
    },
    onData(stream, session, done) {
      const parts: Uint8Array[] = []
      stream.on('data', (part: Uint8Array) => parts.push(part))
      stream.on('end', () => {
        const raw = Buffer.concat(parts).toString().replaceAll('\r\n', '\n')
        const { mailFrom, rcptTo } = session.envelope
        mails.push({
          from: mailFrom ? mailFrom.address : '',
          to: rcptTo.map(({ address }) => address),
          user: session.user ? String(session.user) : undefined,
          subject: /^Subject: (.*(?:\n .*)*)/m.exec(raw)?.[1]?.replaceAll('\n', '') ?? '',
          text: raw,
        })
        done(null, 'taken')
      })
    },
  })
  const listening = Promise.withResolvers<void>()
  const http = server.listen(0, host, listening.resolve)
  await listening.promise
  atEnd(() => server.close())
  return {
    port: (http.address() as { port: number }).port,
    mails,
    signIns,
    refuse: (times: number) => {
      refusals = times
    },
    stop: () => new Promise<void>((done) => server.close(done)),
  }
}

export type Call = { headers: Headers; text: string; body: any }

/** Takes JSON at a path that is its secret; `answer` is the next answers' statuses, then 204. */
export function webhookReceiver() {
  const calls: Call[] = []
  const refused: Call[] = []
  const answers: number[] = []
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      const text = await request.text()
      const call = { headers: request.headers, text, body: JSON.parse(text) }
      const status = answers.shift() ?? 204
      if (status < 300) calls.push(call)
      else refused.push(call)
      return new Response(null, { status, headers: { Location: '/elsewhere' } })
    },
  })
  atEnd(() => server.stop(true))
  return {
    url: `http://127.0.0.1:${server.port}/hooks/a-path-that-is-secret`,
    calls,
    refused,
    answer: (...statuses: number[]) => void answers.push(...statuses),
    stop: () => server.stop(true),
  }
}
