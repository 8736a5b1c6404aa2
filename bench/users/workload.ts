// What a user does: asks whether the service lives, shortens a URL, looks at the list, follows a short link, over and over, in equal parts.
import type { Random } from '../../survive/random.ts'
import { BROWSER } from '../clients.ts'
import type { Answer } from './answer.ts'

export const KINDS = ['health', 'shorten', 'list', 'redirect'] as const
export type Kind = (typeof KINDS)[number]
export type Workload = ReturnType<typeof createWorkload>

/** Links that the test makes have it, so that they are found again: GET /urls?q=load+test. */
export const TITLE = 'load test'

export type Request = {
  kind: Kind
  text: string /** What is wrong with its answer. */
  fault: (answer: Answer) => string | undefined
}

/** Requests to the service at `url`; `token` for those that need one. Links that are followed are those that it made. */
export function createWorkload(url: URL, token?: string) {
  const common = `Host: ${url.host}\r\nUser-Agent: ${BROWSER['user-agent']}\r\nAccept: */*\r\n`
  const credential = token ? `Authorization: Bearer ${token}\r\n` : ''
  const get = (path: string, headers = '') => `GET ${path} HTTP/1.1\r\n${common}${headers}\r\n`
  const links: { code: string; target: string }[] = []
  let made = 0

  const requests: Record<Kind, (random: Random) => Omit<Request, 'kind'>> = {
    health: () => ({ text: get('/health'), fault: ({ status }) => unlike(200, status) }),
    list: () => ({ text: get('/urls', credential), fault: ({ status }) => unlike(200, status) }),
    shorten() {
      const target = `https://example.com/load-test/${++made}`
      const body = JSON.stringify({ url: target, title: TITLE })
      const headers = `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n${credential}`
      return {
        text: `POST /shorten HTTP/1.1\r\n${common}${headers}\r\n${body}`,
        fault({ status, body }) {
          if (status !== 201) return unlike(201, status)
          const { short_code } = JSON.parse(body.toString()) as { short_code: string }
          links.push({ code: short_code, target })
        },
      }
    },
    redirect(random) {
      const link = random.of(links)
      return {
        text: get(`/${link.code}`, `Referer: ${BROWSER.referer}\r\n`),
        fault: ({ status, location }) => unlike(302, status) ?? (location === link.target ? undefined : 'wrong target'),
      }
    },
  }
  return {
    request: (kind: Kind, random: Random): Request => ({ kind, ...requests[kind](random) }),
    /** Links made so far. */
    made: () => links.length,
  }
}

const unlike = (wanted: number, status: number) => (status === wanted ? undefined : String(status))
