import type { Result } from '../compare.ts'
import { report } from '../report.ts'

/** The scenarios that docs/load-tests.md reports. */
export const LOAD_TESTS = ['load', 'kill', 'roll']

export type Machine = { cpu: string; cores: number; memory_gb: number; kernel: string; bun: string }
export type Results = Record<string, Result & { at: string }>

const TITLES: Record<string, string> = {
  load: '50, 200 and 500 users',
  kill: 'kill -9 of a replica',
  roll: 'A rolling restart',
}

/** docs/load-tests.md. */
export function loadTestsPage(machine: Machine, results: Results): string {
  const parts = LOAD_TESTS.flatMap((name) => results[name] ?? []).map((result) => {
    const title = TITLES[result.scenario]!
    return `${report([{ ...result, scenario: title }])}\n![${title}: latency of each second](load-tests/${result.scenario}.svg)\n`
  })
  return `<!-- Written by \`bun run bench load kill roll\`: change it in bench/pages/load-tests.ts. -->

# Load tests

${parts.join('\n')}
${ABOUT(machine)}`
}

const ABOUT = ({ cpu, cores, memory_gb, kernel, bun }: Machine) => `## Method

Machine: ${cpu}, ${cores} cores, ${memory_gb} GB, Linux ${kernel}, Bun ${bun}. Users, nginx, the three replicas, and PostgreSQL (with fsync) share it, so
the client and nginx compete with the replicas for the processors. The fleet is that of \`bun run cluster\`. It has 10,000 links at the start, and
50 users warm it up for five seconds.

The mix is that of published load tests of URL shorteners: equal parts, with a mean pause of half a second. The best published figure is a p95 of
15 ms at 960 requests per second from 500 users. The mix is harder than production, where nearly all requests are redirects: a quarter of it writes
to the database, and a quarter reads lists.

An error is: a status other than 200 (health, list), 201 (shorten) or 302 (redirect), a Location other than the link's target, a refused or broken
connection, or no response within 10 seconds. The client repeats no request. nginx repeats a GET on another replica if one is dead, and never
repeats a POST.

To repeat it, on a machine without other load, with PostgreSQL and nginx installed:

\`\`\`sh
bun install --frozen-lockfile
bun run bench load kill roll
\`\`\`

## Your own service

\`\`\`sh
bun run bench load --url https://go.example.com --users 50 --seconds 30 --token "$ADMIN_TOKEN"
\`\`\`

Up to 2,000 users for up to 600 seconds. It prints the table as above, and writes it to load-report.md, next to a plot. It exits with 1 if
a request failed, and with 2 if it could not start. The links that it creates stay, with the title "load test". The service's limits apply: an API key may
create 300 links per minute (\`RATE_CREATE\`), the admin token any number. Run it from a machine other than the service's.
`
