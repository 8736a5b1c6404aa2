// The record of a click.
import { addressIn, networkOf } from '../base/ip.ts'
import type { Recorder } from '../clicks/recorder.ts'
import { refererHost } from '../clicks/referrer.ts'
import { isBot, NOT_KEPT } from '../clicks/visitor.ts'
import type { Config } from '../config/config.ts'
import { clientAddress, type Peers } from '../http/client-address.ts'
import { timeAt } from './time.ts'

/** Records a click of the link with this id, with bits of MARKS; false if the journal has no room. `started` is of performance.now(). */
export type RecordClick = (request: Request, id: number, started: number, marks?: number) => boolean

/** VISITOR_ADDRESS says how much of the address is recorded, HONOR_GPC whether a visitor can opt out. */
export function recordsTo(clicks: Pick<Recorder, 'record'>, config: Config, peers: Peers): RecordClick {
  const client = clientAddress(config)
  const keptAddress = {
    network: (request: Request) => networkOf(client(request, peers)),
    full: (request: Request) => addressIn(client(request, peers)),
    none: () => '',
  }[config.VISITOR_ADDRESS]

  const record: RecordClick = (request, id, started, marks) =>
    clicks.record(
      id,
      timeAt(started),
      refererHost(request.headers.get('referer')),
      request.headers.get('user-agent') ?? '',
      keptAddress(request),
      marks,
    )

  /** For a visitor who sends `Sec-GPC: 1`, records only the click, and whether it was a bot's. */
  const recordAsAsked: RecordClick = (request, id, started, marks) => {
    const { headers } = request
    if (headers.get('sec-gpc') !== '1') return record(request, id, started, marks)
    return clicks.record(id, timeAt(started), '', isBot(headers.get('user-agent') ?? '') ? '' : NOT_KEPT, '', marks)
  }

  return config.HONOR_GPC === 'on' ? recordAsAsked : record // reading the header costs 50 ns
}
