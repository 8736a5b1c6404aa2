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

const ABOUT = ({ cpu, cores, memory_gb, kernel, bun }: Machine) => `## What was run, and how

Machine: ${cpu}, ${cores} cores, ${memory_gb} GB, Linux ${kernel}, Bun ${bun}. Users, nginx, the three replicas, and PostgreSQL (with fsync) share it: what
the client and nginx take of the processors, the replicas lack. The fleet is the one of \`bun run cluster\`, holds 10,000 links at the start, and
is warmed by 50 users for five seconds.

Why this mix: it is the one that load tests of URL shorteners are published with, in equal parts and with half a second of thought on average;
the best published figure is a p95 of 15 ms at 960 requests a second of 500 users. It is harder than life, where nearly all requests are
redirects: a quarter of it writes to the database, and a quarter makes lists.

What counts as an error: another status than 200 (health, list), 201 (shorten) or 302 (redirect), another Location than the link's target, a
connection refused or broken, no answer in 10 seconds. The client asks nothing twice by itself; nginx asks another replica where a GET found
one dead, and never sends a POST twice.

All of it again, on a machine that does nothing else, with PostgreSQL and nginx installed:

\`\`\`sh
bun install --frozen-lockfile
bun run bench load kill roll
\`\`\`

## A service of your own

\`\`\`sh
bun run bench load --url https://go.example.com --users 50 --seconds 30 --token "$ADMIN_TOKEN"
\`\`\`

Up to 2,000 users for up to 600 seconds. It prints the table as above, and writes it to load-report.md with a plot beside it; it ends with 1 where
a request failed, with 2 where it could not begin. The links that it makes stay, titled "load test". Limits of the service count: an API key may
make 300 links a minute (\`RATE_CREATE\`) where the admin token may make any number. Run it from another machine than the service's.
`
