// The real Prometheus and Alertmanager, run with the files of deploy/ and only their addresses and waiting times made those of a test.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { atEnd } from './at-end.ts'
import { freePort } from './postgres.ts'
import { temporaryFolder } from './scratch.ts'

export const deploy = join(import.meta.dir, '../deploy')
const UP_WITHIN = 60_000

/** The programs, or undefined where Debian's packages prometheus and prometheus-alertmanager are not installed. */
export function monitoringTools() {
  const [prometheus, promtool, amtool] = ['prometheus', 'promtool', 'amtool'].map((name) => Bun.which(name))
  const alertmanager = Bun.which('alertmanager') ?? Bun.which('prometheus-alertmanager')
  return prometheus && promtool && amtool && alertmanager ? { prometheus, promtool, amtool, alertmanager } : undefined
}

export type Tools = NonNullable<ReturnType<typeof monitoringTools>>

/** Runs a program to its end; what it printed on both streams. */
export async function run(command: string[], env: Record<string, string> = {}) {
  const child = Bun.spawn(command, { env: { PATH: process.env.PATH!, ...env }, stdout: 'pipe', stderr: 'pipe' })
  const [code, out, err] = await Promise.all([child.exited, new Response(child.stdout).text(), new Response(child.stderr).text()])
  return { code, out, said: out + err }
}

/** Alertmanager's configuration as deploy/alertmanager/make-config prints it. */
export const alertmanagerConfig = (env: Record<string, string>) =>
  run([join(deploy, 'alertmanager/make-config')], { TEMPLATES: join(deploy, 'alertmanager/*.tmpl'), ...env })

/** Alertmanager that sends to `webhook` as soon as it can. */
export async function startAlertmanager({ alertmanager }: Tools, webhook: string) {
  const folder = temporaryFolder()
  const port = await freePort()
  const { out } = await alertmanagerConfig({ ALERT_WEBHOOK_URL: webhook })
  const quick = out.replace(/group_wait: \S+/, 'group_wait: 0s').replace(/group_interval: \S+/, 'group_interval: 1s')
  writeFileSync(join(folder, 'alertmanager.yml'), quick)
  return start(port, [
    alertmanager,
    `--config.file=${join(folder, 'alertmanager.yml')}`,
    `--storage.path=${folder}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--cluster.listen-address=',
  ])
}

/**
 * Prometheus that scrapes `target` every second; alerts fire after two, so that one scrape that a busy machine is late with is no outage.
 * `alertmanager` is a port.
 */
export async function startPrometheus({ prometheus }: Tools, target: string, token: string, alertmanager: number) {
  const folder = temporaryFolder()
  const port = await freePort()
  const config = readFileSync(join(deploy, 'prometheus/prometheus.yml'), 'utf8')
    .replace(/dns_sd_configs:\n( {6,}.*\n)+/, `static_configs: [{ targets: ['${target}'] }]\n`)
    .replaceAll('alertmanager:9093', `127.0.0.1:${alertmanager}`)
    .replace('127.0.0.1:9090', `127.0.0.1:${port}`)
    .replace('/tmp/metrics-token', join(folder, 'metrics-token'))
    .replace('scrape_interval: 5s', 'scrape_interval: 1s')
    .replace('scrape_timeout: 4s', 'scrape_timeout: 1s')
    .replace('evaluation_interval: 5s', 'evaluation_interval: 500ms')
  writeFileSync(join(folder, 'prometheus.yml'), config)
  writeFileSync(join(folder, 'metrics-token'), token)
  mkdirSync(join(folder, 'rules'))
  for (const file of readdirSync(join(deploy, 'prometheus/rules')))
    writeFileSync(join(folder, 'rules', file), quick(readFileSync(join(deploy, 'prometheus/rules', file), 'utf8')))
  const { stop } = await start(port, [
    prometheus,
    `--config.file=${join(folder, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--rules.alert.resend-delay=1s',
  ])
  const base = `http://127.0.0.1:${port}`
  return {
    base,
    stop,
    /** The samples of an instant query; throws what Prometheus says of a wrong one. */
    async query(expression: string): Promise<{ metric: Record<string, string>; value: [number, string] }[]> {
      const answer = (await (await fetch(`${base}/api/v1/query?${new URLSearchParams({ query: expression })}`)).json()) as any
      if (answer.status !== 'success') throw new Error(`${expression}: ${answer.error}`)
      return answer.data.result
    },
  }
}

/** Rules that are evaluated as often as anything is scraped; alerts fire after two seconds. */
const quick = (rules: string) => rules.replaceAll(/^( +for:) \S+$/gm, '$1 2s').replaceAll(/^( +interval:) \S+$/gm, '$1 500ms')

async function start(port: number, command: string[]) {
  const child = Bun.spawn(command, { stdout: 'ignore', stderr: 'pipe' })
  const said = new Response(child.stderr).text()
  const calledOff = atEnd(() => child.kill(9))
  const deadline = Date.now() + UP_WITHIN
  while (
    !(await fetch(`http://127.0.0.1:${port}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    ))
  ) {
    if (Date.now() > deadline || child.exitCode !== null) {
      child.kill(9)
      throw new Error(`${command[0]} did not start: ${(await said).slice(-2_000)}`)
    }
    await Bun.sleep(50)
  }
  return {
    port,
    async stop() {
      child.kill('SIGKILL') // what it stored is thrown away
      await child.exited
      calledOff()
    },
  }
}
