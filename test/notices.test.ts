// Notifications: three replicas on one real PostgreSQL that notify a real mail server and a real webhook receiver, once each, also while
// PostgreSQL is stopped.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import { networkInterfaces } from 'node:os'
import { readConfig } from '../src/config/config.ts'
import { assertChannels } from '../src/monitor/notifications/channels.ts'
import { email } from '../src/monitor/notifications/email.ts'
import { COOL_DOWN, incidents, QUIET } from '../src/monitor/notifications/incidents.ts'
import { createLedger } from '../src/monitor/notifications/ledger.ts'
import type { Notification } from '../src/monitor/notifications/schema.ts'
import { FORMS, signed, webhook } from '../src/monitor/notifications/webhook.ts'
import { webhookKind } from '../src/monitor/notifications/webhook-kind.ts'
import { runCommand } from './child.ts'
import { type Cluster, openCluster, serverBinaries } from './postgres.ts'
import { mailServer, webhookReceiver } from './receivers.ts'
import { temporaryFolder } from './scratch.ts'
import { serveOn, type TestServer, UNLIMITED } from './server.ts'
import { until } from './until.ts'

const installed = serverBinaries() !== undefined
if (!installed) console.warn('SKIPPED: most of test/notices.test.ts (PostgreSQL is not installed)')

const ADMIN_TOKEN = 'an-operators-long-token'
const PASSWORD = 'mail-password-nobody-may-see'
const SECRET = 'webhook-secret-nobody-may-see'
const RUNBOOK = 'https://docs.example.com/runbook'
const MAIL = { ALERT_EMAIL_FROM: 'waypost@example.com', ALERT_EMAIL_TO: 'one@example.com, two@example.com' }

const NOTICE: Notification = {
  id: '019aa000-0000-7000-8000-000000000001',
  by: 'a',
  alert: 'high_latency',
  test: false,
  kind: 'firing',
  at: '2026-11-21T10:00:05.000Z',
  since: '2026-11-21T10:00:00.000Z',
  value: 1.5,
  limit: 1,
  unit: 'seconds, mean of 2 minutes',
  help: 'Requests take longer than a second on average.',
  replicas: ['<one> & two:8080'],
  deliveries: [],
}

describe('settings', () => {
  const whole = { SMTP_HOST: 'mail.example.com', ...MAIL }
  test.each([
    [{ SMTP_HOST: 'mail.example.com' }, 'ALERT_EMAIL_FROM and ALERT_EMAIL_TO must be set too: '],
    [{ ...MAIL }, 'SMTP_HOST must be set too: '],
    [{ ...whole, SMTP_USER: 'me' }, 'SMTP_PASSWORD must be set too: '],
    [{ ...whole, SMTP_HOST: 'mail.example.com/x' }, 'SMTP_HOST must be the name or the address of a host'],
    [{ ...whole, SMTP_PORT: '0' }, 'SMTP_PORT must be a whole number from 1 to 65535'],
    [{ ...whole, ALERT_EMAIL_TO: 'one@example.com,' }, 'ALERT_EMAIL_TO must be an e-mail address'],
    [{ ...whole, ALERT_EMAIL_FROM: 'a@b.org\nBcc: c@d.org' }, 'ALERT_EMAIL_FROM must be an e-mail address'],
    [{ ALERT_WEBHOOK_URL: 'ftp://example.com' }, 'ALERT_WEBHOOK_URL must be an http or https URL'],
    [{ ALERT_WEBHOOK_URL: 'https://me:pw@example.com/' }, 'ALERT_WEBHOOK_URL must be an http or https URL, without'],
    [{ ALERT_WEBHOOK_URL: 'https://example.com/hook' }, 'ALERT_WEBHOOK_SECRET must be set: '],
    [{ ALERT_WEBHOOK_URL: 'https://example.com/hook', ALERT_WEBHOOK_SECRET: 'short' }, 'ALERT_WEBHOOK_SECRET must have at least'],
  ])('%j: %s', (env, said) => {
    const read = () => assertChannels(readConfig({}, env))
    expect(read).toThrow(said)
    expect(read).not.toThrow(/hook|short|pw@/)
  })

  test.each([
    ['https://discord.com/api/webhooks/1/x', 'discord'],
    ['https://canary.discordapp.com/api/webhooks/1/x', 'discord'],
    ['https://hooks.slack.com/services/T/B/x', 'slack'],
    ['https://hooks.slack.com.example.com/services', 'webhook'],
    ['https://notdiscord.com/discord.com', 'webhook'],
  ] as const)('%s is of kind %s', (url, kind) => {
    expect(webhookKind(url)).toBe(kind)
  })
})

describe('a webhook', () => {
  const sent = async (notice: Notification, ...statuses: number[]) => {
    const receiver = webhookReceiver()
    receiver.answer(...statuses)
    const config = readConfig({}, { ALERT_WEBHOOK_URL: receiver.url, ALERT_WEBHOOK_SECRET: SECRET })
    const outcome = await webhook.open(config, RUNBOOK)!.send(notice)
    await receiver.stop()
    return { outcome, ...receiver }
  }

  test('gets JSON with all of it, signed over id, time and body', async () => {
    const { calls } = await sent(NOTICE)
    const [{ headers, text, body }] = calls as [(typeof calls)[0]]
    const { by: _, kind, deliveries: __, ...rest } = NOTICE
    expect(body).toEqual({
      ...rest,
      state: kind,
      title: 'FIRING: high_latency on <one> & two:8080',
      text: expect.stringContaining(
        'Since: 2026-11-21 10:00:00 UTC\nValue: 1.5 (seconds, mean of 2 minutes)\nLimit: fires above 1',
      ),
      runbook: `${RUNBOOK}#high_latency`,
    })
    const time = headers.get('webhook-timestamp')!
    const mac = createHmac('sha256', SECRET).update(`${NOTICE.id}.${time}.${text}`).digest('base64')
    expect(headers.get('webhook-id')).toBe(NOTICE.id)
    expect(headers.get('webhook-signature')).toBe(`v1,${mac}`)
    expect(Math.abs(Date.now() / 1000 - Number(time))).toBeLessThan(60)
  })

  test('is signed as the example of Standard Webhooks is', () => {
    const bytes = Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64') as unknown as string // its key is no text
    expect(signed('msg_p5jXN8AQM9LWM0D4loKWxJek', '{"test": 2432232314}', bytes, 1_614_265_330_000)['Webhook-Signature']).toBe(
      'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    )
  })

  test.each([
    [503, { sent: false, reason: 'it answered 503', final: false }],
    [429, { sent: false, reason: 'it answered 429', final: false }],
    [404, { sent: false, reason: 'it answered 404', final: true }],
    [307, { sent: false, reason: 'it answered 307, and redirects are not followed', final: true }],
  ])('that answers %d', async (status, expected) => {
    const { outcome, calls, refused } = await sent(NOTICE, status)
    expect(outcome).toMatchObject(expected)
    expect([calls.length, refused.length]).toEqual([0, 1])
  })

  test('of Discord gets an embed that mentions nobody, one of Slack text in which nothing is markup', () => {
    expect(FORMS.discord(NOTICE, RUNBOOK)).toMatchObject({
      allowed_mentions: { parse: [] },
      embeds: [
        {
          title: 'FIRING: high_latency on <one> & two:8080',
          description: NOTICE.help,
          fields: expect.arrayContaining([{ name: 'Runbook', value: `${RUNBOOK}#high_latency` }]),
        },
      ],
    })
    expect(FORMS.slack({ ...NOTICE, test: true, kind: 'recovered' }, RUNBOOK)).toEqual({
      text: expect.stringMatching(/^\*\[TEST\] RECOVERED: high_latency on &lt;one&gt; &amp; two:8080\*\nThis is a test[^<>]*$/),
    })
  })

  test('that is not there is named by no address', async () => {
    const { stop, url } = webhookReceiver()
    await stop()
    const config = readConfig({}, { ALERT_WEBHOOK_URL: url, ALERT_WEBHOOK_SECRET: SECRET })
    expect(await webhook.open(config, RUNBOOK)!.send(NOTICE)).toEqual({
      sent: false,
      reason: 'unreachable (ECONNREFUSED)',
    })
  })
})

describe('a mail server', () => {
  const to = (settings: Record<string, string>) => email.open(readConfig({}, { ...MAIL, ...settings }), RUNBOOK)!

  test('that refuses the password is not asked again, nor quoted', async () => {
    const server = await mailServer({ user: 'me', password: 'another' })
    const outcome = await to({
      SMTP_HOST: '127.0.0.1',
      SMTP_PORT: String(server.port),
      SMTP_USER: 'me',
      SMTP_PASSWORD: PASSWORD,
    }).send(NOTICE)
    expect(outcome).toEqual({ sent: false, reason: 'the mail server refused SMTP_USER and SMTP_PASSWORD (535)', final: true })
    await server.stop()
  })

  const outside = Object.values(networkInterfaces())
    .flat()
    .find((one) => one && !one.internal && one.family === 'IPv4')?.address
  test.skipIf(!outside)('of another machine that has no TLS never sees the password', async () => {
    const server = await mailServer({ host: '0.0.0.0', user: 'me', password: PASSWORD })
    const outcome = await to({
      SMTP_HOST: outside!,
      SMTP_PORT: String(server.port),
      SMTP_USER: 'me',
      SMTP_PASSWORD: PASSWORD,
    }).send(NOTICE)
    expect(outcome).toMatchObject({ sent: false, reason: expect.stringContaining('STARTTLS') })
    expect([server.signIns, server.mails]).toEqual([[], []])
    await server.stop()
  })
})

describe('what is sent', () => {
  const T = Date.parse('2026-11-21T10:00:00.000Z')
  const firing = (at: number, test = false) => ({
    name: 'service_down',
    test,
    since: new Date(at).toISOString(),
    value: test ? 0 : 1,
    threshold: 0,
    unit: 'database unreachable',
    help: 'It does not answer.',
  })

  function watching() {
    const ledger = createLedger()
    const { due } = incidents('me', ledger)
    let made = 0
    return (seconds: number, ...on: { of: string; at: number; test?: boolean }[]) => {
      const reports = on.map(({ of, at, test }) => ({ id: of, replica: of, firing: [firing(T + at * 1000, test)] }))
      const drafts = due(reports, T + seconds * 1000)
      for (const draft of drafts) ledger.add({ ...draft, id: String(++made), by: 'me', deliveries: [] })
      return drafts.map(({ kind, replicas, test }) => `${test ? 'test ' : ''}${kind} ${replicas.join()}`)
    }
  }
  const delivered = { channel: 'email', state: 'sent' as const, attempts: 1, at: null, reason: null }

  test('once for all replicas, and its end when none has reported it for ten seconds', () => {
    const ledger = createLedger()
    const { due } = incidents('me', ledger)
    const at = (seconds: number, ...replicas: string[]) =>
      due(
        replicas.map((id) => ({ id, replica: id, firing: [firing(T)] })),
        T + seconds * 1000,
      ).map((draft) => {
        ledger.add({ ...draft, id: `${seconds}`, by: 'me', deliveries: [delivered] })
        return `${draft.kind} ${draft.replicas}`
      })
    expect(at(1, 'b', 'a')).toEqual(['firing a,b'])
    expect(at(3, 'c')).toEqual([])
    expect(at(QUIET / 1000 + 2)).toEqual([])
    expect(at(QUIET / 1000 + 4)).toEqual(['recovered a,b'])
    // It comes and goes: not told again before the cool-down is over.
    expect(at(60, 'a')).toEqual([])
    expect(at(COOL_DOWN / 1000 - 5, 'a')).toEqual([])
    expect(at(COOL_DOWN / 1000 + 5, 'a')).toEqual(['firing a'])
  })

  test('each test, apart from what is real', () => {
    const at = watching()
    expect(at(0, { of: 'a', at: 0, test: true })).toEqual(['test firing a'])
    expect(at(2, { of: 'a', at: 0, test: true }, { of: 'b', at: 1 })).toEqual(['firing b'])
    expect(at(4, { of: 'a', at: 3, test: true }, { of: 'b', at: 1 })).toEqual(['test firing a'])
    expect(at(16, { of: 'b', at: 1 })).toEqual(['test recovered a'])
  })

  test('again after the cool-down if no channel accepted it, and at once by another sender', () => {
    const failed = { ...delivered, state: 'failed' as const }
    for (const [by, later, told] of [
      ['me', 60, 0],
      ['me', COOL_DOWN / 1000 + 10, 1],
      ['another', 60, 1],
    ] as const) {
      const ledger = createLedger()
      ledger.add({ ...NOTICE, alert: 'service_down', at: new Date(T).toISOString(), by, deliveries: [failed, delivered] })
      const { due } = incidents('me', ledger)
      const report = [{ id: 'a', replica: 'a', firing: [firing(T)] }]
      expect(due(report, T + later * 1000)).toHaveLength(0)
      ledger.note(NOTICE.id, { ...delivered, state: 'failed' })
      expect([by, later, due(report, T + later * 1000).length]).toEqual([by, later, told])
    }
  })
})

describe('what another hand wrote', () => {
  const now = Date.parse(NOTICE.at) + 60_000
  const later = (ms: number) => new Date(now + ms).toISOString()

  test.each([
    ['no list', 'notices'],
    ['a notice of a time to come', [{ ...NOTICE, at: later(3_600_000) }]],
    ['a notice of no time', [{ ...NOTICE, at: 'zzzz' }]],
    ['a notice of a year to come', [{ ...NOTICE, at: '+020262-01-01T00:00:00.000Z' }]],
    ['a notice of another shape', [{ ...NOTICE, deliveries: null }]],
    ['a notice of a megabyte', [{ ...NOTICE, help: 'x'.repeat(1_000_000) }]],
  ])('is left out: %s', (_, known) => {
    const ledger = createLedger()
    ledger.merge(known, now)
    expect(ledger.all()).toEqual([])
  })

  test('is bounded', () => {
    const ledger = createLedger()
    ledger.merge(
      Array.from({ length: 5_000 }, (_, i) => ({ ...NOTICE, id: `${i}`, alert: `alert ${i}` })),
      now,
    )
    expect(ledger.all().length).toBe(100)
  })

  test('suppresses no alert, and sends no end twice, after a clock was ahead for a while', () => {
    const ledger = createLedger()
    const { due } = incidents('me', ledger)
    const ahead = now + 200 * 86_400_000
    const round = (at: number, fires: boolean) => {
      ledger.merge([], at)
      const firing = { name: 'service_down', test: false, since: later(0), value: 1, threshold: 0, unit: '', help: '' }
      const drafts = due(fires ? [{ id: 'a', replica: 'a', firing: [firing] }] : [], at)
      for (const draft of drafts) ledger.add({ ...draft, id: crypto.randomUUID(), by: 'me', deliveries: [] })
      return drafts.map(({ kind }) => kind)
    }
    expect(round(ahead, true)).toEqual(['firing'])
    expect(round(now, true)).toEqual(['firing'])
    expect(round(now + 2_000, true)).toEqual([])
    expect(round(now + 20_000, false)).toEqual(['recovered'])
    expect(round(now + 22_000, false)).toEqual([])
  })
})

describe.skipIf(!installed)('three replicas', () => {
  let cluster: Cluster
  let mail: Awaited<ReturnType<typeof mailServer>>
  const webhook = webhookReceiver()
  let replicas: TestServer[] = []
  let env: Record<string, string>

  beforeAll(async () => {
    cluster = await openCluster({ own: true })
    mail = await mailServer({ user: 'waypost', password: PASSWORD })
    env = {
      DATABASE_URL: await cluster.createDatabase(),
      ADMIN_TOKEN,
      SMTP_HOST: '127.0.0.1',
      SMTP_PORT: String(mail.port),
      SMTP_USER: 'waypost',
      SMTP_PASSWORD: PASSWORD,
      ...MAIL,
      ALERT_WEBHOOK_URL: webhook.url,
      ALERT_WEBHOOK_SECRET: SECRET,
      RUNBOOK_URL: RUNBOOK,
      ...UNLIMITED,
    }
    const kind = {
      name: 'external' as const,
      settings: async () => ({ DATA_DIR: temporaryFolder() }),
      open: () => Promise.reject(),
    }
    for (let i = 0; i < 3; i++) replicas.push(await serveOn(kind, env))
    await until('all know of each other', async () => {
      const lists = await Promise.all(replicas.map(async (one) => (await one.get('/api/fleet')).body.replicas.length))
      return lists.every((known) => known === 3)
    })
  })
  afterAll(async () => {
    await Promise.all(replicas.map((replica) => replica.stop()))
    await mail.stop()
    await webhook.stop()
    await cluster.end()
  })

  const standing = async (replica: TestServer) => (await replica.get('/api/notices')).body
  const senders = async () => {
    const all = await Promise.all(replicas.map(standing))
    return replicas.filter((_, place) => all[place].sender)
  }
  const told = (what: string) => ({
    mail: mail.mails.filter(({ subject }) => subject.includes(what)).length,
    webhook: webhook.calls.filter(({ body }) => body.title.includes(what)).length,
  })
  const ONCE = { mail: 1, webhook: 1 }
  const PRESSED = { authorization: `Bearer ${ADMIN_TOKEN}` }

  test('have one sender', async () => {
    await until('one sends', async () => (await senders()).length === 1)
  })

  test('tell once of what is tried on another one, though the receiver refuses at first; it says what a notice must', async () => {
    const [sender] = await senders()
    const other = replicas.find((replica) => replica !== sender)!
    mail.refuse(1)
    webhook.answer(503)
    expect((await other.post('/api/alerts/clicks_dropped/test', undefined, PRESSED)).status).toBe(202)
    await until('both arrived', () => told('[TEST] FIRING: clicks_dropped').mail + told('[TEST] FIRING').webhook === 2)
    const { body } = webhook.calls[0]!
    expect(body).toMatchObject({
      alert: 'clicks_dropped',
      state: 'firing',
      test: true,
      limit: 0,
      runbook: `${RUNBOOK}#clicks_dropped`,
    })
    const [{ from, to, user, text }] = mail.mails as [(typeof mail.mails)[0]]
    expect({ from, to, user }).toEqual({
      from: MAIL.ALERT_EMAIL_FROM,
      to: ['one@example.com', 'two@example.com'],
      user: 'waypost',
    })
    const where = (await standing(other)).replica
    for (const part of [
      'This is a test',
      'Since: 20',
      'Limit: fires above 0',
      `Replica: ${where}`,
      body.runbook,
      '\nAuto-Submitted: auto',
    ])
      expect(`\n${text.replace(/=\r?\n/g, '')}`).toContain(part)
    await until('every replica knows how it went', async () => {
      const lists = await Promise.all(replicas.map(async (one) => (await standing(one)).notices))
      const states = lists.map(([notice]) =>
        notice?.deliveries.map((one: any) => `${one.channel} ${one.state} ${one.attempts}`).join(),
      )
      return states.every((one) => one === 'email sent 2,webhook sent 2')
    })
  })

  test('report once that PostgreSQL is unreachable, and the lowest living replica takes over when the sender stops', async () => {
    await cluster.control!.stop('immediate')
    await until(
      'it is told',
      () =>
        told(' FIRING: service_down').mail > 0 && webhook.calls.some(({ body }) => body.alert === 'service_down' && !body.test),
    )
    await until('all know that it is', async () => {
      const lists = await Promise.all(replicas.map(async (one) => (await standing(one)).notices as Notification[]))
      const isTold = ({ alert, test, deliveries }: Notification) =>
        alert === 'service_down' && !test && deliveries.every(({ state }) => state === 'sent')
      return lists.every((notices) => notices.some(isTold))
    })
    const [sender] = await senders()
    await sender!.stop()
    replicas = replicas.filter((replica) => replica !== sender)
    await until('another sends', async () => (await senders()).length === 1)
    const ids = await Promise.all(replicas.map(async (one) => (await standing(one)).id))
    const [next] = await senders()
    expect((await standing(next!)).id).toBe(ids.toSorted()[0])
    const highest = replicas.find((replica) => replica !== next)!
    await highest.post('/api/alerts/click_backlog/test', undefined, PRESSED)
    const before = told('[TEST] FIRING: click_backlog')
    await until('a test is told too', () => told('[TEST] FIRING: click_backlog').mail > before.mail)
    expect(webhook.calls.filter(({ body }) => body.alert === 'service_down' && !body.test)).toHaveLength(1)
    expect(mail.mails.filter(({ subject }) => subject.startsWith('Waypost FIRING: service_down'))).toHaveLength(1)
  })

  test('are drilled by one command, which says what arrived', async () => {
    await cluster.control!.start()
    const { port } = replicas[0]!
    await until('the outage is over', async () => (await replicas[0]!.get('/alert-status')).body.service_down.state === 'ok')
    const { code, out, err } = await runCommand(['drill', 'alerts'], { PORT: String(port), ADMIN_TOKEN })
    expect([code, err]).toEqual([0, ''])
    const lines = out.trim().split('\n')
    expect(lines).toHaveLength(Object.keys((await replicas[0]!.get('/alert-status')).body).length)
    const real = /^(replica_lost|database_slow) .* \(it is firing for real\)$/ // a replica ended while no database could be told; a busy machine
    for (const line of lines)
      expect(line.replace(real, (all) => all.slice(0, all.indexOf(' (it')))).toMatch(
        /^\w+ +delivered {2}email: sent · webhook: sent$/,
      )
    expect(told('[TEST] FIRING: high_latency')).toEqual(ONCE)
  })

  test('tell once that it is back', async () => {
    await until('it is told', () => told('Waypost RECOVERED: service_down').mail > 0)
    await until('of one sender', async () => (await senders()).length === 1)
    const recovered = webhook.calls.filter(
      ({ body }) => body.alert === 'service_down' && body.state === 'recovered' && !body.test,
    )
    expect(recovered).toHaveLength(1)
    expect(mail.mails.filter(({ subject }) => subject.startsWith('Waypost RECOVERED: service_down'))).toHaveLength(1)
  })

  test('count what they sent, and never log or show a secret', async () => {
    const texts = await Promise.all(replicas.map(async (replica) => (await replica.get('/metrics')).text))
    expect(texts.join('\n')).toMatch(/waypost_notices_total\{channel="email",outcome="sent"\} [1-9]/)
    expect(texts.join('\n')).toContain('waypost_notice_sender 1')
    for (const replica of replicas) {
      const lines = JSON.stringify(replica.ring.read({ limit: 10_000 }))
      const shown = (await replica.get('/api/config')).text + (await replica.get('/api/notices')).text
      expect(lines).toContain('an alert fires')
      for (const secret of [PASSWORD, SECRET, 'a-path-that-is-secret', Buffer.from(PASSWORD).toString('base64')])
        expect([secret, (lines + shown).includes(secret)]).toEqual([secret, false])
    }
  })
})
