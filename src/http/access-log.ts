import type { Log } from '../telemetry/logs.ts'
import type { Exchange } from './exchange.ts'

const LINES_A_SECOND = 200
/** Probes of machines, which repeat every few seconds. */
const PROBES = new Set(['/health', '/ready', '/metrics', '/prometheus'])
/** A target that was appended to our host name, /https:%2F%2Fexample.com%3Ftoken=…, must not log its query string either. */
const ENCODED_QUERY = /(%(25)*3f).*/is

/**
 * Logs every response but redirects; beyond 200 lines a second, and 200 failures, only their number: an outage must not push everything else out of
 * the log. Successful probes are logged at LOG_LEVEL=debug. Never logs a query string, a token or an address.
 */
export function createAccessLog(log: Pick<Log, 'debug' | 'info' | 'error'>) {
  let second = 0
  let lines = { answers: 0, failures: 0, probes: 0 }
  let kept = 0

  return (exchange: Exchange, method: string, status: number, ms: number, cause?: unknown) => {
    const failed = status >= 500 && cause !== undefined // /ready sends 503 without a failure
    const isProbe = PROBES.has(exchange.route) && status < 300
    const now = Math.floor(exchange.started / 1000)
    if (now !== second) {
      if (kept > 0) log.info({ lines: kept }, 'the log’s rate was exceeded: these requests were not logged one by one')
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

/** Requests of the console, and for its pages. */
const isConsole = ({ console, route }: Exchange, status: number) =>
  console || (status < 400 && /^\/?(console|dashboard)(\/|$)/.test(route))
