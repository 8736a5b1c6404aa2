import { Problem } from '../../base/problem.ts'
import type { Link } from '../../links/schema.ts'
import { ask, jsonOf, type Server } from './server.ts'
import { listPrinter, onTerminal } from './shown.ts'

const PAGE = 100
const TRIES = 10
const LONGEST_WAIT = 60 // s

/** Prints up to `limit` links that match `filter`, page by page: each is printed before the next is requested. */
export async function listLinks(server: Server, filter: [string, string][], limit: number, json: boolean) {
  const printer = listPrinter(json)
  const size = Math.min(PAGE, limit)
  let printed = 0
  let place = ['page', '1']
  for (let number = 1; ; number++) {
    const query = new URLSearchParams([...filter, ['per_page', String(size)], place])
    const response = await patiently(() => ask(server, 'GET', `/urls?${query}`))
    const links = (await jsonOf<Link[]>(server, response)).slice(0, limit - printed)
    await printer.add(links)
    printed += links.length
    const total = Number(response.headers.get('x-total-count'))
    if (printed === limit && total > limit && onTerminal())
      process.stderr.write(`${limit} of ${total.toLocaleString('en')} links. --limit or --all shows more.\n`)
    if (printed === limit || links.length < size) return printer.end()
    const cursor = response.headers.get('x-next-cursor')
    place = cursor ? ['cursor', cursor] : ['page', String(number + 1)]
  }
}

/** Repeats a request after the server's Retry-After (429 or 503), at most ten times. */
async function patiently(request: () => Promise<Response>): Promise<Response> {
  for (let tries = 1; ; tries++)
    try {
      return await request()
    } catch (error) {
      const wait = error instanceof Problem && [429, 503].includes(error.status) ? Number(error.headers?.['Retry-After']) : 0
      if (!wait || wait > LONGEST_WAIT || tries === TRIES) throw error
      await Bun.sleep(wait * 1_000)
    }
}
