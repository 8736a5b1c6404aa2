// Prometheus and Alertmanager as they are deployed: an outage made on purpose raises its alert, the notice arrives, and so does the all-clear.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { dashboards, textOf } from '../deploy/grafana/dashboards.ts'
import { type Child, startChild } from './child.ts'
import { alertmanagerConfig, deploy, monitoringTools, run, startAlertmanager, startPrometheus } from './monitoring.ts'
import { type Cluster, openCluster, serverBinaries } from './postgres.ts'
import { temporaryFolder } from './scratch.ts'
import { until } from './until.ts'

const ADMIN_TOKEN = 'an-operators-long-token'
const METRICS_TOKEN = 'a-token-for-prometheus'
const CHAOS_TOKEN = 'break-it-on-purpose'
const tools = monitoringTools()!
if (!tools) console.warn('SKIPPED: Prometheus and Alertmanager (packages prometheus, prometheus-alertmanager)')
const rules = readdirSync(join(deploy, 'prometheus/rules')).map((file) => join(deploy, 'prometheus/rules', file))

const rulesIn = (name: string) => {
  const text = readFileSync(join(deploy, `prometheus/rules/${name}.yml`), 'utf8')
  return (Bun.YAML.parse(text) as { groups: { rules: Record<string, any>[] }[] }).groups.flatMap(({ rules }) => rules)
}

test('Grafana’s dashboards are what deploy/grafana/dashboards.ts writes', async () => {
  const folder = join(deploy, 'grafana/dashboards')
  expect(readdirSync(folder).sort()).toEqual(
    Object.keys(dashboards)
      .map((name) => `${name}.json`)
      .sort(),
  )
  for (const [name, board] of Object.entries(dashboards))
    expect(readFileSync(join(folder, `${name}.json`), 'utf8')).toBe(textOf(board))
})

describe.skipIf(!tools)('the files for Prometheus and Alertmanager', () => {
  test('pass promtool', async () => {
    expect(await run([tools.promtool, 'check', 'rules', ...rules])).toMatchObject({ code: 0 })
    const config = await run([tools.promtool, 'check', 'config', '--syntax-only', join(deploy, 'prometheus/prometheus.yml')])
    expect(config).toMatchObject({ code: 0 })
  })

  test.each(['alerts', 'budget'])('every alert fires when it should, and only then: %s', async (name) => {
    const { code, said } = await run([tools.promtool, 'test', 'rules', join(deploy, `prometheus/${name}.test.yml`)])
    expect({ code, said }).toMatchObject({ code: 0 })
  })

  test('every alert has a unit test, a severity and its place in the runbook', () => {
    const tested = ['alerts', 'budget'].map((name) => readFileSync(join(deploy, `prometheus/${name}.test.yml`), 'utf8')).join('')
    for (const { alert, labels, annotations } of rulesIn('alerts')) {
      expect(['critical', 'warning']).toContain(labels.severity)
      expect(tested).toMatch(new RegExp(`alertname: ${alert}\\n\\s+exp_alerts:\\n\\s+- exp_labels:`))
      expect(annotations.runbook_url).toEndWith(`docs/runbook.md{{ end }}#${alert.toLowerCase()}`)
    }
  })

  test.each([
    ['nobody', {}],
    ['Discord', { ALERT_WEBHOOK_URL: 'https://discord.com/api/webhooks/1/abc' }],
    ['Slack', { ALERT_WEBHOOK_URL: 'https://hooks.slack.com/services/T/B/x' }],
    [
      'e-mail',
      {
        SMTP_HOST: 'mail',
        ALERT_EMAIL_FROM: 'a@example.com',
        ALERT_EMAIL_TO: 'b@example.com',
        SMTP_USER: 'u',
        SMTP_PASSWORD: "'#: \\",
      },
    ],
    [
      'several',
      {
        ALERT_WEBHOOK_URL: "https://hooks.slack.com/services/T/B/x http://hook/?a='b'",
        SMTP_HOST: 'mail',
        SMTP_PORT: '25',
        ALERT_EMAIL_FROM: 'a@example.com',
        ALERT_EMAIL_TO: 'b@example.com',
      },
    ],
  ])('a configuration that sends to %s passes amtool', async (_, env: Record<string, string>) => {
    const { out } = await alertmanagerConfig(env)
    const file = join(temporaryFolder(), 'alertmanager.yml')
    await Bun.write(file, out)
    expect(await run([tools.amtool, 'check-config', file])).toMatchObject({ code: 0 })
    for (const receiver of ['webhook', 'email'] as const) {
      const { out: to } = await run([tools.amtool, 'config', 'routes', 'test', `--config.file=${file}`, 'alertname=ServiceDown'])
      const asked = receiver === 'email' ? Boolean(env.ALERT_EMAIL_TO) : Boolean(env.ALERT_WEBHOOK_URL)
      expect(to.includes(receiver)).toBe(asked)
    }
  })

  test('e-mail that lacks its server is refused with the name of what is missing', async () => {
    const { code, said } = await alertmanagerConfig({ ALERT_EMAIL_TO: 'b@example.com' })
    expect([code === 0, said]).toEqual([false, expect.stringContaining('SMTP_HOST')])
  })
})

describe.skipIf(!tools || !serverBinaries())('a server with Prometheus and Alertmanager', () => {
  type Notice = { status: string; labels: Record<string, string>; annotations: Record<string, string> }
  const notices: Notice[] = []
  let cluster: Cluster
  let server: Child
  let prometheus: Awaited<ReturnType<typeof startPrometheus>>
  let alertmanager: Awaited<ReturnType<typeof startAlertmanager>>
  const receiver = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      notices.push(...((await request.json()) as { alerts: Notice[] }).alerts)
      return new Response()
    },
  })

  beforeAll(async () => {
    cluster = await openCluster({ own: true })
    ;[server, alertmanager] = await Promise.all([
      startChild({
        DATABASE_URL: await cluster.createDatabase(),
        DATA_DIR: temporaryFolder(),
        ADMIN_TOKEN,
        METRICS_TOKEN,
        CHAOS_TOKEN,
      }),
      startAlertmanager(tools, receiver.url.href),
    ])
    prometheus = await startPrometheus(tools, `127.0.0.1:${server.port}`, METRICS_TOKEN, alertmanager.port)
    await until('it scrapes', async () => (await prometheus.query('waypost_ready == 1')).length === 1)
  })
  afterAll(async () => {
    await prometheus?.stop()
    await alertmanager?.stop()
    server?.kill('SIGKILL')
    await receiver.stop(true)
    await cluster?.end()
  })

  /** Before the first scrape, which a busy machine is late with, no replica is known: such a ServiceDown is of none, and not meant here. */
  const of = (alertname: string, status: string) =>
    notices.find(
      ({ status: is, labels }) =>
        labels.alertname === alertname && is === status && (alertname !== 'ServiceDown' || labels.instance !== undefined),
    )
  const status = async (path: string, token: string) =>
    (await fetch(server.base + path, { headers: { authorization: `Bearer ${token}` } })).status

  const call = (method: string, path: string, body?: object, headers: Record<string, string> = {}) =>
    fetch(server.base + path, {
      method,
      redirect: 'manual',
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json', ...headers },
      body: body && JSON.stringify(body),
    })
  const metrics = async () => (await (await call('GET', '/metrics')).text()).matchAll(/^# HELP (\S+) (.*)\n# TYPE \S+ (\w+)$/gm)

  /** The rules and the dashboards, by where they are, with Grafana's variables filled in. */
  function* expressions(): Generator<[where: string, expression: string]> {
    for (const { record, alert, expr } of [...rulesIn('recording'), ...rulesIn('alerts')]) yield [record ?? alert, expr]
    for (const { title, panels } of Object.values(dashboards))
      for (const panel of panels as { title: string; targets?: { expr: string; datasource: { type: string } }[] }[])
        for (const { expr, datasource } of panel.targets ?? [])
          if (datasource.type === 'prometheus')
            yield [`${title}: ${panel.title}`, expr.replaceAll('$instance', '.*').replaceAll('$__rate_interval', '1m')]
  }

  test('rules and dashboards ask for metrics that the server has', async () => {
    const withValkey = 'waypost_shared_cache_up' // which this server is not
    const known = new Set(['up', 'ALERTS', withValkey, ...rulesIn('recording').map(({ record }) => record)])
    for (const [, name, , type] of await metrics())
      for (const suffix of type === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']) known.add(name + suffix)
    const unknown = [...expressions()].flatMap(([where, text]) =>
      namesIn(text).flatMap((name) => (known.has(name) ? [] : [`${where}: ${name}`])),
    )
    expect(unknown).toEqual([])
  })

  test('every query of every dashboard has something to show after some traffic', async () => {
    await call('POST', '/urls', { original_url: 'https://example.com/', short_code: 'known' })
    await call('POST', '/chaos', { fault: 'errors', duration: 60 }, { 'x-chaos-token': CHAOS_TOKEN })
    expect((await call('GET', '/users')).status).toBe(500)
    await call('DELETE', '/chaos', undefined, { 'x-chaos-token': CHAOS_TOKEN })
    const boards = [...expressions()].filter(([where]) => where.startsWith('Waypost: '))
    let empty: string[] = boards.map(([where]) => where)
    await until(
      () => `no query is empty, as these are: ${empty}`,
      async () => {
        for (const path of ['/known', '/unknown', '/users', '/health']) await call('GET', path)
        const results = await Promise.all(
          boards.map(async ([where, text]) => ((await prometheus.query(text)).length ? [] : [where])),
        )
        empty = results.flat()
        return empty.length === 0
      },
    )
    expect(boards.length).toBeGreaterThan(50)
  })

  test('the scraper’s token reads metrics, and nothing else; nobody signs in with it', async () => {
    expect(
      await Promise.all(
        ['/metrics', '/prometheus', '/metrics/json', '/urls', '/logs'].map((path) => status(path, METRICS_TOKEN)),
      ),
    ).toEqual([200, 200, 200, 403, 403])
    expect(await status('/metrics', `${METRICS_TOKEN}x`)).toBe(401)
    const body = JSON.stringify({ token: METRICS_TOKEN })
    const signIn = await fetch(`${server.base}/api/session`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
    })
    expect([signIn.status, signIn.headers.get('set-cookie')]).toEqual([401, null])
  })

  test('an outage of the database is reported, and its end', async () => {
    expect(await prometheus.query('ALERTS{alertname="DatabaseUnreachable"}')).toEqual([])
    await cluster.control!.stop('immediate')
    await until('the notice arrives', () => of('DatabaseUnreachable', 'firing') !== undefined)
    expect(of('DatabaseUnreachable', 'firing')).toMatchObject({
      labels: { severity: 'critical', job: 'waypost', instance: `127.0.0.1:${server.port}` },
      annotations: {
        summary: `127.0.0.1:${server.port} cannot reach its database`,
        runbook_url: 'docs/runbook.md#databaseunreachable',
      },
    })
    expect(of('ServiceDown', 'firing')).toBeUndefined() // it goes on redirecting
    await cluster.control!.start()
    await until('the all-clear arrives', () => of('DatabaseUnreachable', 'resolved') !== undefined)
  })

  test('a killed replica is reported', async () => {
    server.kill('SIGKILL')
    await until('the notice arrives', () => of('ServiceDown', 'firing') !== undefined)
    expect(of('ServiceDown', 'firing')!.annotations.summary).toBe(`Replica 127.0.0.1:${server.port} does not answer`)
    await until('it is no longer counted', () => of('ReplicaLost', 'firing') !== undefined)
  })
})

/** The names of metrics in a PromQL expression: the words that are neither functions nor keywords, labels, strings or durations. */
function namesIn(expression: string): string[] {
  const bare = expression
    .replaceAll(/"[^"]*"|'[^']*'|\{[^}]*\}|\[[^\]]*\]/g, ' ')
    .replaceAll(/\b(by|on|ignoring|without)\s*\([^)]*\)/g, ' ')
  const words = bare.match(/[a-zA-Z_][\w:]*(?!\w|:|\s*\()/g) ?? []
  return words.filter((word) => !/^(and|or|unless)$/.test(word))
}
