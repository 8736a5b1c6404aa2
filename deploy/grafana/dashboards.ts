// Writes dashboards/*.json, which Grafana is provisioned with: `bun deploy/grafana/dashboards.ts` after a change here.
import { join } from 'node:path'
import { chart, dashboard, figure, logs, table } from './panels.ts'

const MINE = 'instance=~"$instance"'
const ASKED = `${MINE},route!~"/health|/ready|/metrics|/metrics/json|/prometheus"` // probes would hide how visitors fare
const rate = (metric: string, by: string, where = MINE) => `sum by (${by}) (rate(${metric}{${where}}[$__rate_interval]))`
const total = (metric: string, where = MINE) => `sum(rate(${metric}{${where}}[$__rate_interval]))`
const quantile = (q: number, metric: string, where = MINE, by = '') =>
  `histogram_quantile(${q}, sum by (le${by}) (rate(${metric}_bucket{${where}}[$__rate_interval])))`
const quantiles = (metric: string, where = MINE) =>
  [0.5, 0.95, 0.99].map((q) => ({ expr: quantile(q, metric, where), legend: `p${q * 100}` }))
const perReplica = '{{instance}}'

export const dashboards = {
  overview: dashboard('overview', 'overview', 'The four golden signals: latency, traffic, errors, saturation.', [
    {
      title: 'Now',
      panels: [
        figure('Replicas up', 'sum(up{job="waypost"})', { unit: 'none' }),
        figure('Alerts firing', 'count(ALERTS{alertstate="firing"}) or vector(0)', { unit: 'none', limit: 1 }),
        figure('Requests', total('waypost_http_requests_total', ASKED), { unit: 'reqps' }),
        figure('Failing', 'max(waypost:error_ratio:rate1m)', {
          unit: 'percentunit',
          limit: 0.01,
          help: 'Answered 5xx, of all, in a minute.',
        }),
        figure('Slowest 1 %', quantile(0.99, 'waypost_http_request_duration_seconds', ASKED), { unit: 's', limit: 0.25 }),
        figure('Clicks waiting', `sum(waypost_clicks_backlog{${MINE}})`, { unit: 'short', limit: 10_000 }),
      ],
    },
    {
      title: 'Latency',
      panels: [
        chart('Requests', quantiles('waypost_http_request_duration_seconds', ASKED), { unit: 's' }),
        chart('Redirects, inside the server', quantiles('waypost_redirect_duration_seconds'), { unit: 's' }),
        chart(
          'Slowest 1 %, by route',
          [{ expr: quantile(0.99, 'waypost_http_request_duration_seconds', ASKED, ', route'), legend: '{{route}}' }],
          {
            unit: 's',
          },
        ),
      ],
    },
    {
      title: 'Traffic',
      panels: [
        chart('By method', [{ expr: rate('waypost_http_requests_total', 'method', ASKED), legend: '{{method}}' }], {
          unit: 'reqps',
          stack: true,
        }),
        chart('By status', [{ expr: rate('waypost_http_requests_total', 'status', ASKED), legend: '{{status}}' }], {
          unit: 'reqps',
          stack: true,
        }),
        chart('By route', [{ expr: rate('waypost_http_requests_total', 'route', ASKED), legend: '{{route}}' }], {
          unit: 'reqps',
          stack: true,
        }),
      ],
    },
    {
      title: 'Errors',
      panels: [
        chart('Failing, of all', [{ expr: 'waypost:error_ratio:rate1m', legend: '5xx' }], { unit: 'percentunit', limit: 0.05 }),
        chart(
          '5xx by route',
          [
            {
              expr: rate('waypost_http_requests_total', 'route, status', `${ASKED},status=~"5.."`),
              legend: '{{status}} {{route}}',
            },
          ],
          {
            unit: 'reqps',
          },
        ),
        chart(
          'Error budget being used',
          ['5m', '1h', '6h', '3d'].map((window) => ({ expr: `waypost:error_ratio:rate${window} / 0.001`, legend: window })),
          { unit: 'short', limit: 1, help: '1: as fast as it may be, 99.9 % over 30 days. 14: all of it within two days.' },
        ),
      ],
    },
    {
      title: 'Saturation',
      panels: [
        chart('CPU, of what may be used', [{ expr: `waypost:cpu:ratio{${MINE}}`, legend: perReplica }], {
          unit: 'percentunit',
          limit: 0.8,
        }),
        chart('Memory, of the limit', [{ expr: `waypost:memory:ratio{${MINE}}`, legend: perReplica }], {
          unit: 'percentunit',
          limit: 0.8,
        }),
        chart(
          'Database queries waiting, of as many as may',
          [{ expr: `waypost_database_pending{${MINE}} / waypost_database_pending_limit{${MINE}}`, legend: perReplica }],
          { unit: 'percentunit', limit: 0.8 },
        ),
      ],
    },
  ]),

  redirects: dashboard(
    'redirects',
    'redirects',
    'The way of a redirect: what answers it, how fast, and what does not lead anywhere.',
    [
      {
        title: 'Redirects',
        panels: [
          figure('Redirects', total('waypost_redirects_total', `${MINE},result=~"hit|edge|miss"`), { unit: 'reqps', width: 6 }),
          figure(
            'From memory',
            `${total('waypost_redirects_total', `${MINE},result="hit"`)} / ${total('waypost_redirects_total', `${MINE},result=~"hit|edge|miss"`)}`,
            {
              unit: 'percentunit',
              width: 6,
              help: 'Of all redirects, those that the memory cache answered.',
            },
          ),
          figure(
            'Without the database',
            `${total('waypost_redirects_total', `${MINE},result=~"hit|edge"`)} / ${total('waypost_redirects_total', `${MINE},result=~"hit|edge|miss"`)}`,
            {
              unit: 'percentunit',
              width: 6,
            },
          ),
          figure('Slowest 1 %', quantile(0.99, 'waypost_redirect_duration_seconds'), { unit: 's', width: 6, limit: 0.025 }),
          chart(
            'By what answered',
            [{ expr: rate('waypost_redirects_total', 'result', `${MINE},result=~"hit|edge|miss"`), legend: '{{result}}' }],
            {
              unit: 'reqps',
              stack: true,
            },
          ),
          chart(
            'Not redirected',
            [{ expr: rate('waypost_redirects_total', 'result', `${MINE},result!~"hit|edge|miss"`), legend: '{{result}}' }],
            { unit: 'reqps' },
          ),
          chart('Time inside the server', quantiles('waypost_redirect_duration_seconds'), { unit: 's' }),
        ],
      },
      {
        title: 'Caches',
        panels: [
          chart('Look-ups by tier', [{ expr: rate('waypost_cache_lookups_total', 'tier'), legend: '{{tier}}' }], { unit: 'cps' }),
          chart('Memory cache', [{ expr: `waypost_cache_bytes{${MINE}}`, legend: perReplica }], { unit: 'bytes' }),
          chart(
            'Codes in memory',
            [
              { expr: `sum(waypost_cache_entries{${MINE}})`, legend: 'links' },
              { expr: `sum(waypost_cache_absent_entries{${MINE}})`, legend: 'known not to be there' },
            ],
            { unit: 'short' },
          ),
          chart('How caches are used', [{ expr: `sum by (mode) (waypost_cache_mode{${MINE}})`, legend: '{{mode}}' }], {
            unit: 'none',
            help: 'Replicas that serve from their caches, ask the database because they lag behind, or refuse.',
          }),
          chart('Age of the copy on each machine', [{ expr: `waypost_edge_copy_age_seconds{${MINE}}`, legend: perReplica }], {
            unit: 's',
            limit: 60,
          }),
          chart('Links in the copy', [{ expr: `waypost_edge_links{${MINE}}`, legend: perReplica }], { unit: 'short' }),
        ],
      },
      {
        title: 'Abuse',
        panels: [
          chart('Answered 429, by limit', [{ expr: rate('waypost_rate_limited_total', 'limit'), legend: '{{limit}}' }], {
            unit: 'reqps',
            width: 12,
          }),
          chart('Targets refused', [{ expr: total('waypost_targets_refused_total'), legend: 'neither http nor https' }], {
            unit: 'cps',
            width: 12,
          }),
        ],
      },
    ],
  ),

  clicks: dashboard('clicks', 'clicks', 'From the redirect to the database: no click is lost on the way.', [
    {
      title: 'Clicks',
      panels: [
        figure('Waiting', `sum(waypost_clicks_backlog{${MINE}})`, { unit: 'short', width: 6 }),
        figure('Oldest waits for', `max(waypost_clicks_oldest_seconds{${MINE}})`, { unit: 's', width: 6, limit: 30 }),
        figure('Lost in 24 h', `sum(increase(waypost_clicks_dropped_total{${MINE}}[24h]))`, {
          unit: 'short',
          width: 6,
          limit: 1,
        }),
        figure('Refused by the database in 24 h', `sum(increase(waypost_clicks_rejected_total{${MINE}}[24h]))`, {
          unit: 'short',
          width: 6,
          limit: 1,
        }),
        chart(
          'Recorded and stored',
          [
            { expr: total('waypost_clicks_recorded_total'), legend: 'recorded' },
            { expr: total('waypost_clicks_stored_total'), legend: 'stored' },
          ],
          { unit: 'cps', help: 'Apart for long: the backlog grows.' },
        ),
        chart('Waiting', [{ expr: `waypost_clicks_backlog{${MINE}}`, legend: perReplica }], { unit: 'short' }),
        chart('Age of the oldest', [{ expr: `waypost_clicks_oldest_seconds{${MINE}}`, legend: perReplica }], {
          unit: 's',
          limit: 30,
        }),
      ],
    },
    {
      title: 'Journal',
      panels: [
        chart('Since the last flush', [{ expr: `waypost_clicks_last_flush_seconds{${MINE}}`, legend: perReplica }], {
          unit: 's',
        }),
        chart(
          'Not stored',
          [
            { expr: total('waypost_clicks_dropped_total'), legend: 'lost: no room' },
            { expr: total('waypost_clicks_rejected_total'), legend: 'refused by the database' },
            { expr: total('waypost_clicks_left_out_total'), legend: 'of purged links' },
          ],
          { unit: 'cps' },
        ),
        chart(
          'Stored from journals left by others',
          [{ expr: rate('waypost_clicks_stored_total', 'instance', `${MINE},journal="adopted"`), legend: perReplica }],
          { unit: 'cps' },
        ),
        chart('Journal full', [{ expr: `waypost_clicks_journal_full{${MINE}}`, legend: perReplica }], {
          unit: 'none',
          width: 12,
          limit: 1,
        }),
        chart(
          'Drain worker started again',
          [{ expr: `increase(waypost_clicks_drain_restarts_total{${MINE}}[$__rate_interval])`, legend: perReplica }],
          { unit: 'short', width: 12 },
        ),
      ],
    },
  ]),

  database: dashboard('database', 'database', 'How the replicas fare with their database.', [
    {
      title: 'Database',
      panels: [
        figure('Reached by', `sum(waypost_database_up{${MINE}})`, { unit: 'none', width: 6, help: 'Replicas that it answers.' }),
        figure('Queries', total('waypost_database_queries_total'), { unit: 'cps', width: 6 }),
        figure('Mean answer', `${total('waypost_database_query_seconds_total')} / ${total('waypost_database_queries_total')}`, {
          unit: 's',
          width: 6,
          limit: 0.1,
        }),
        figure('Without an answer', total('waypost_database_failures_total'), { unit: 'cps', width: 6, limit: 0.01 }),
        chart('Reached', [{ expr: `waypost_database_up{${MINE}}`, legend: perReplica }], { unit: 'none' }),
        chart('Queries', [{ expr: rate('waypost_database_queries_total', 'instance'), legend: perReplica }], { unit: 'cps' }),
        chart(
          'Mean answer',
          [
            {
              expr: `${rate('waypost_database_query_seconds_total', 'instance')} / ${rate('waypost_database_queries_total', 'instance')}`,
              legend: perReplica,
            },
          ],
          { unit: 's' },
        ),
        chart(
          'Under way or waiting',
          [
            { expr: `waypost_database_pending{${MINE}}`, legend: perReplica },
            { expr: `min(waypost_database_pending_limit{${MINE}})`, legend: 'limit' },
          ],
          { unit: 'short' },
        ),
        chart(
          'Without an answer, by reason',
          [{ expr: rate('waypost_database_failures_total', 'reason'), legend: '{{reason}}' }],
          { unit: 'cps' },
        ),
        chart('Since changes were last read', [{ expr: `waypost_changes_lag_seconds{${MINE}}`, legend: perReplica }], {
          unit: 's',
          limit: 5,
        }),
        chart('Changes applied', [{ expr: rate('waypost_changes_applied_total', 'instance'), legend: perReplica }], {
          unit: 'cps',
          width: 12,
        }),
        chart('Changes not read', [{ expr: rate('waypost_changes_failed_total', 'instance'), legend: perReplica }], {
          unit: 'cps',
          width: 12,
        }),
      ],
    },
  ]),

  replicas: dashboard('replicas', 'replicas', 'Each replica beside the others: the one that differs is the one to look at.', [
    {
      title: 'Replicas',
      panels: [
        table('What runs', `waypost_build_info{${MINE}}`, ['instance', 'version', 'commit']),
        chart('Up', [{ expr: `up{job="waypost",${MINE}}`, legend: perReplica }], { unit: 'none' }),
        chart('Ready', [{ expr: `waypost_ready{${MINE}}`, legend: perReplica }], { unit: 'none' }),
        chart('Up for', [{ expr: `time() - process_start_time_seconds{job="waypost",${MINE}}`, legend: perReplica }], {
          unit: 's',
        }),
      ],
    },
    {
      title: 'Load',
      panels: [
        chart('Requests', [{ expr: rate('waypost_http_requests_total', 'instance', ASKED), legend: perReplica }], {
          unit: 'reqps',
        }),
        chart(
          'Slowest 1 %',
          [{ expr: quantile(0.99, 'waypost_http_request_duration_seconds', ASKED, ', instance'), legend: perReplica }],
          { unit: 's' },
        ),
        chart('5xx', [{ expr: rate('waypost_http_requests_total', 'instance', `${ASKED},status=~"5.."`), legend: perReplica }], {
          unit: 'reqps',
        }),
      ],
    },
    {
      title: 'Process',
      panels: [
        chart(
          'CPU, all threads',
          [
            { expr: `rate(process_cpu_seconds_total{job="waypost",${MINE}}[$__rate_interval])`, legend: perReplica },
            { expr: `min(waypost_cpu_limit_cores{${MINE}})`, legend: 'limit' },
          ],
          { unit: 'short', help: 'Cores.' },
        ),
        chart(
          'CPU of the thread that answers',
          [{ expr: `rate(waypost_main_thread_cpu_seconds_total{${MINE}}[$__rate_interval])`, legend: perReplica }],
          { unit: 'percentunit', limit: 0.9 },
        ),
        chart(
          'Event loop held up, slowest 1 %',
          [{ expr: `nodejs_eventloop_lag_p99_seconds{job="waypost",${MINE}}`, legend: perReplica }],
          { unit: 's' },
        ),
        chart(
          'Memory',
          [
            { expr: `process_resident_memory_bytes{job="waypost",${MINE}}`, legend: perReplica },
            { expr: `min(waypost_memory_limit_bytes{${MINE}})`, legend: 'limit' },
          ],
          { unit: 'bytes' },
        ),
        chart('Heap in use', [{ expr: `nodejs_heap_size_used_bytes{job="waypost",${MINE}}`, legend: perReplica }], {
          unit: 'bytes',
        }),
        chart('Open files', [{ expr: `process_open_fds{job="waypost",${MINE}}`, legend: perReplica }], { unit: 'short' }),
      ],
    },
  ]),

  logs: dashboard(
    'logs',
    'logs',
    'What the containers say, by Loki.',
    [
      {
        title: 'Logs',
        panels: [
          logs('Lines by level', 'sum by (level) (count_over_time({service="waypost"}[$__auto]))', {
            width: 12,
            counted: true,
          }),
          logs('Errors by service', 'sum by (service) (count_over_time({level=~"error|fatal"}[$__auto]))', {
            width: 12,
            counted: true,
          }),
          logs('Warnings and worse', '{level=~"warn|error|fatal"}'),
          logs('All of Waypost', '{service="waypost"}'),
        ],
      },
    ],
    'loki',
  ),
}

/** A dashboard's file, as it lies in dashboards/. */
export const textOf = (board: object) => `${JSON.stringify(board, null, 2)}\n`

if (import.meta.main)
  for (const [name, board] of Object.entries(dashboards))
    await Bun.write(join(import.meta.dir, 'dashboards', `${name}.json`), textOf(board))
