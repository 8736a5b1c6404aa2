import type { Machine, Results } from './load-tests.ts'

const DAY = 86_400
const MONTH = 30
const PEAK = 10 // the busiest second compared with the day's mean: links go viral
const USED = 0.5 // of a core at the peak: above that, queues become noticeable
const CORE = 8 // $ a month, with 2 GB of memory
const GIGABYTE = 0.1 // $ a month, on a separate disk
const JOURNAL_RECORD = 200 // bytes: 48, and the texts of a browser, src/journal/journal-format.ts

/** docs/capacity.md. Every number on it is measured, or computed from measured ones. */
export function capacityPage(machine: Machine, results: Results): string {
  const figure = (scenario: string, row: string, column: string) => {
    const found = results[scenario]?.rows.find(({ name }) => name === row)?.figures[column]
    if (found === undefined) throw new Error(`bench/results.json has no ${column} of ${row}: bun run bench ${scenario}`)
    return Number(found)
  }
  const of = (row: string) => figure('capacity', row, 'value')
  const redirects = figure('redirect', 'Waypost, hit with its click', 'per second')
  const creates = figure('create', 'Waypost, POST /urls', 'per second')
  const lists = figure('list', 'Waypost, GET /urls', 'per second')
  const stored = figure('drain', 'journal to database', 'clicks per second')
  const link = of('link in PostgreSQL, indexes included, bytes')
  const edge = of('link in the edge copy, bytes')
  const click = of('click as an event in PostgreSQL, bytes')
  const counters = of('counters of a link clicked within a quarter of an hour, bytes')
  const connection = of('idle connection in a replica, KB')
  const sessions = of('connections to PostgreSQL of a busy replica')
  const busy = of('replica after 15 s at its ceiling, without pages of files, MB')
  const started = of('replica just started, MB')
  const cpu = (column: string) => figure('capacity', 'redirect at the ceiling, its click stored, µs of CPU', column)
  const [replica, nginx, database] = ['replica', 'nginx', 'PostgreSQL'].map(cpu) as [number, number, number]

  const example = (clicks: number, links: number) => {
    const peak = (clicks / DAY) * PEAK
    const busy = (µs: number) => (peak * µs) / 1e6
    const cores = busy(replica + nginx + database)
    const disk = links * link + clicks * click * MONTH + links * 0.01 * counters * MONTH
    const gigabytes = disk / 1e9
    const machines = Math.max(1, Math.ceil(cores / USED / 2)) * 2 // at least two of the required size: one may fail
    const row = (name: string, how: string, value: string) => `| ${name} | ${how} | ${value} |`
    return [
      `### ${count(clicks)} clicks a day, ${count(links)} links`,
      '',
      '| | how | |',
      '|---|---|---:|',
      row('mean', `${count(clicks)} / ${count(DAY)} s`, `${count(clicks / DAY)}/s`),
      row('peak', `× ${PEAK}`, `${count(peak)}/s`),
      row('cores, replicas', `peak × ${replica} µs`, precise(busy(replica))),
      row('cores, nginx', `peak × ${nginx} µs`, precise(busy(nginx))),
      row('cores, PostgreSQL', `peak × ${database} µs`, precise(busy(database))),
      row('cores in all', `sum / ${USED} (the share used at the peak)`, precise(cores / USED)),
      row('machines of 2 cores', 'twice the requirement: half of them may fail', String(machines)),
      row('links in PostgreSQL', `links × ${count(link)} bytes`, size(links * link)),
      row('a month of events', `clicks × ${MONTH} × ${count(click)} bytes`, size(clicks * MONTH * click)),
      row(
        'a month of counters',
        `1 % of links a day × ${MONTH} × ${count(counters)} bytes`,
        size(links * 0.01 * MONTH * counters),
      ),
      row('edge copy, on each replica', `links × ${count(edge)} bytes`, size(links * edge)),
      row(
        'journal: the longest outage of the database that 2 GiB survive at the mean',
        `2 GiB / ${JOURNAL_RECORD} bytes / mean, by ${Math.max(3, machines)} replicas`,
        `${count((((2 * 2 ** 30) / JOURNAL_RECORD / (clicks / DAY)) * Math.max(3, machines)) / 3600)} h`,
      ),
      row(
        'cost a month',
        `${machines} × 2 × $${CORE} + ${count(gigabytes)} GB × $${GIGABYTE}`,
        `$${count(machines * 2 * CORE + gigabytes * GIGABYTE)}`,
      ),
      '',
    ].join('\n')
  }

  return `<!-- Written by \`bun run bench capacity\` (or any other scenario): change it in bench/pages/capacity.ts. -->

# Capacity

How many machines, how much disk, and what it costs. Every figure below was measured on ${machine.cores} cores (${machine.cpu}, ${machine.memory_gb} GB), with client and
server on the same machine; the last column names the scenario. A dedicated core does more.

## Measured

| | | scenario |
|---|---:|---|
| redirects per second and core, each click journaled | ${count(redirects)} | [redirect](../bench/RESULTS.md#redirect) |
| links created per second and core | ${count(creates)} | [create](../bench/RESULTS.md#create) |
| lists of 20 per second and core | ${count(lists)} | [list](../bench/RESULTS.md#list) |
| clicks stored per second, journal to database, one replica | ${count(stored)} | [drain](../bench/RESULTS.md#drain) |
| link in PostgreSQL, indexes included | ${count(link)} bytes | [capacity](../bench/RESULTS.md#capacity) |
| link in the copy on each replica's disk | ${count(edge)} bytes | capacity |
| link in a replica's memory (the last 100,000 requested: \`CACHE_ENTRIES\`, at most 64 MiB: \`CACHE_BYTES\`) | 170 bytes and its texts | src/redirect/memory-cache.ts |
| click in the journal | about ${JOURNAL_RECORD} bytes | src/journal/journal-format.ts |
| click as an event in PostgreSQL | ${count(click)} bytes | capacity |
| counters of a link, for a quarter of an hour and a day with clicks | ${count(counters)} bytes | capacity |
| replica just started, without pages of files | ${count(started)} MB | capacity |
| replica after 15 s at its ceiling over 200,000 links, without pages of files | ${count(busy)} MB | capacity |
| idle connection in a replica | ${precise(connection)} KB | capacity |
| connections to PostgreSQL of a busy replica (\`DATABASE_POOL\`, 10, and 3; briefly 2 more) | ${sessions} | capacity |
| a redirect through nginx with its click stored, at the ceiling: replica, nginx, PostgreSQL | ${replica}, ${nginx}, ${database} µs of CPU | capacity |

At a few hundred requests per second a request takes more CPU time than at the ceiling, because nothing is batched: see the CPU columns of
[capacity](../bench/RESULTS.md#capacity). This overhead does not grow with the load.

## The arithmetic

    peak              = clicks a day / 86,400 × ${PEAK}
    cores             = peak × (${replica} + ${nginx} + ${database} µs) / ${USED}
    machines          = 2 × (cores / 2, rounded up), of 2 cores: half of them may fail
    disk of PostgreSQL = links × ${count(link)} + clicks kept × ${count(click)} + (links clicked a day) × days × ${count(counters)}, bytes
    disk of a replica = links × ${count(edge)} bytes + JOURNAL_MAX_BYTES (2 GiB)
    memory of a replica = ${count(busy)} MB + connections × ${precise(connection)} KB
    connections       = replicas × (DATABASE_POOL + 5), below PostgreSQL's max_connections

Assumptions to replace with your own: the busiest second is ${PEAK} times the mean; no core is more than ${USED * 100} % used then; 1 % of the links are clicked on a day; a
core with 2 GB of memory costs $${CORE} a month and a GB of disk $${GIGABYTE}, rounded prices of small virtual machines. Events fill disks: \`EVENTS_KEEP_DAYS\`
drops them by months; totals and statistics stay. A link that is clicked in several quarters of an hour of a day has
one more short row for each, until they are folded ([decision 11](decisions/0011-past-days-are-folded.md)).

## Limits, and when to scale

At the ceiling PostgreSQL spends ${count((100 * database) / (replica + nginx + database))} % of the CPU time of a click, the replica ${count((100 * replica) / (replica + nginx + database))} %, nginx ${count((100 * nginx) / (replica + nginx + database))} %. Redirects do not wait for PostgreSQL, so a busy
database first shows as a growing backlog of clicks, and a busy replica as latency. Scale when a row stays above its threshold for 15 minutes at the usual
peak. The alert comes later, when there is no headroom left.

| Bottleneck | Look at | Scale at | Alert at | Do |
|---|---|---:|---:|---|
| a replica's main thread: it can use one core | \`rate(waypost_main_thread_cpu_seconds_total[5m])\` | 0.5 | 0.8 | add a replica: \`REPLICAS\`, \`waypost@PORT\`, or the autoscaler |
| the machine's cores | \`rate(process_cpu_seconds_total[5m])\` of all replicas / cores | 0.5 | 0.8 | add a machine; more replicas on this one do not help |
| visitors' latency | p99 of \`waypost_redirect_duration_seconds\` | 5 ms | mean of all requests 1 s | find out which of the rows above causes it |
| storing clicks: PostgreSQL, or one replica's drain (${count(stored)} clicks/s) | \`waypost_clicks_oldest_seconds\` | 5 s | 30 s | clicks of many links: faster cores and disks for PostgreSQL; of few links: another replica |
| PostgreSQL's response time | \`waypost_database_beat_seconds\` | 50 ms | 150 ms | faster disk; move other databases elsewhere |
| queries waiting in a replica | \`waypost_database_pending\` / \`waypost_database_pending_limit\` | 0.1 | 1: 503 | raise \`DATABASE_POOL\` while PostgreSQL has idle cores, else PostgreSQL is the bottleneck |
| PostgreSQL's connections | \`pg_stat_activity\` / \`max_connections\` | 0.7 | \`53300\` in the log | lower \`DATABASE_POOL\`, raise \`max_connections\`, or use PgBouncer |
| memory of a replica | \`waypost_memory_used_bytes\` / \`waypost_memory_limit_bytes\` | 0.7 | 0.8 | raise the limit; lower \`CACHE_BYTES\` |
| memory hits | share of tier \`memory\` in \`waypost_cache_lookups_total\` | 0.8, falling | | raise \`CACHE_ENTRIES\` and \`CACHE_BYTES\`: a look-up in the copy reduces the rate by about 15 % |
| disk of a replica | \`waypost_disk_free_bytes\` | 3 × \`JOURNAL_MAX_BYTES\` | \`DISK_FREE_MIN\` | a larger volume |
| disk of PostgreSQL | its own monitoring | 60 % used | 80 % | \`EVENTS_KEEP_DAYS\`, or a larger disk |
| connections of nginx | \`ss -s\`, "worker_connections are not enough" in its log | half of the limit | | raise \`worker_connections\` |

Scale down by the same rows: remove a replica if the CPU of the others would stay below 0.4. Keep at least two machines, so that one may fail.

## Examples

${example(1_000_000, 1_000_000)}
${example(100_000_000, 10_000_000)}
`
}

const count = (value: number) => (value < 10 ? precise(value) : Math.round(value).toLocaleString('en'))
const precise = (value: number) => String(Number(value.toPrecision(2)))
const size = (bytes: number) => (bytes >= 1e9 ? `${count(bytes / 1e9)} GB` : `${count(bytes / 1e6)} MB`)
