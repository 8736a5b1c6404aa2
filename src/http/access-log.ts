import type { Log } from '../telemetry/logs.ts'
import type { Exchange } from './exchange.ts'

const LINES_A_SECOND = 200
/** What machines ask every few seconds, on and on. */
const PROBES = new Set(['/health', '/ready', '/metrics', '/prometheus'])
/** A target that somebody put behind our name, /https:%2F%2Fexample.com%3Ftoken=…, keeps its query string to itself as well. */
const ENCODED_QUERY = /(%(25)*3f).*/is

/**
 * Logs every answer but a redirect; beyond 200 lines a second, and as many of failures, only how many there were: an outage must not
 * push everything else out of the log. A probe that went well is for LOG_LEVEL=debug. Never a query string, a token or an address.
 */
export function createAccessLog(log: Pick<Log, 'debug' | 'info' | 'error'>) {
  let second = 0
  let lines = { answers: 0, failures: 0, probes: 0 }
  let kept = 0

  return (exchange: Exchange, method: string, status: number, ms: number, cause?: unknown) => {
    const failed = status >= 500 && cause !== undefined // /ready says 503 without having failed
    const isProbe = PROBES.has(exchange.route) && status < 300
    const now = Math.floor(exchange.started / 1000)
    if (now !== second) {
      if (kept > 0) log.info({ lines: kept }, 'requests beyond the log’s rate were not logged one by one')
      second = now
      lines = { answers: 0, failures: 0, probes: 0 }
      kept = 0
    }
    if (++lines[failed ? 'failures' : isProbe ? 'probes' : 'answers'] > LINES_A_SECOND) {
      if (!isProbe) kept++
      return
    }
    const line = {
      request_id: exchange.id,
      method,
      path: exchange.path.replace(ENCODED_QUERY, '').slice(0, 256),
      route: exchange.route,
      status,
      ms: Math.round(ms * 100) / 100,
      ...(isConsole(exchange, status) && { console: true }),
    }
    if (failed) log.error({ ...line, err: cause }, 'request failed')
    else log[isProbe ? 'debug' : 'info'](line, 'request')
  }
}

/** The console's own requests, and the loading of its pages. */
const isConsole = ({ console, path }: Exchange, status: number) =>
  console || (status < 400 && /^\/(console|dashboard)(\/|$)/.test(path))
