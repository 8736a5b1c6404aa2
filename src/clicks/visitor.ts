// What is stored of a visitor, besides the network (src/base/ip.ts): the browser's family, not its fingerprint.
import bowser from 'bowser'
import { isbot } from 'isbot'
import { oldestOf } from '../base/oldest-key.ts'

export type Agent = { browser: string; system: string; device: string; bot: boolean }

const UNKNOWN = 'Unknown'
const MAX_NAME = 40
/** Bytes of a user agent in the journal. */
const MAX_AGENT = 400
const REMEMBERED = 10_000

/**
 * Programs that isbot takes for people. Outlook and Office request each link before the browser does; the others are HTTP libraries of apps.
 */
const PROGRAM =
  /\b(?:ms-office|MSOffice|MacOutlook|SafeLinks|WindowsPowerShell|PowerShell|Dart)\b|Microsoft (?:Office|Outlook)|^Outlook-|^Dalvik\/|^(?!Mozilla\/).*\bCFNetwork\//i

const agents = new Map<string, Agent>()
const oldest = oldestOf(agents)

/** Browser, system, device and whether it is a bot, from a user agent. Caches the last 10,000, because parsing takes some 50 µs. */
export function agentOf(userAgent: string): Agent {
  const known = agents.get(userAgent)
  if (known) return known
  const agent = parse(userAgent)
  if (agents.size >= REMEMBERED) agents.delete(oldest()!)
  agents.set(userAgent, agent)
  return agent
}

/** Recorded instead of the user agent of a person who asked not to be recorded. It belongs to neither a browser nor a bot. */
export const NOT_KEPT = 'Sec-GPC'

/** Whether a user agent (its recorded part) belongs to a bot, a program that no person is using; true if it is empty. Takes 7 µs. */
export function isBot(userAgent: string): boolean {
  const recorded = userAgent.slice(0, MAX_AGENT)
  return recorded === '' || isbot(recorded) || PROGRAM.test(recorded)
}

function parse(userAgent: string): Agent {
  const bot = userAgent !== NOT_KEPT && isBot(userAgent)
  try {
    const { browser, os, platform } = bowser.parse(userAgent || ' ')
    const device = platform.type ? `${platform.type[0]!.toUpperCase()}${platform.type.slice(1)}` : UNKNOWN
    return { browser: name(browser.name), system: name(os.name), device, bot }
  } catch {
    return { browser: UNKNOWN, system: UNKNOWN, device: UNKNOWN, bot }
  }
}

const name = (text: string | undefined) => text?.slice(0, MAX_NAME) || UNKNOWN
