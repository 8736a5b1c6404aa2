// Every setting, once: name, default, parser and help. The flags, `waypost config`, .env.example and docs/configuration.md come from this table.
import {
  bytes,
  choice,
  databaseHosts,
  databaseUrl,
  days,
  hostName,
  hosts,
  logLevel,
  longToken,
  mailbox,
  mailboxes,
  oneOf,
  onOff,
  optional,
  origin,
  origins,
  port,
  processes,
  rate,
  redisUrl,
  seconds,
  text,
  webhook,
  webUrl,
  whole,
} from './setting-values.ts'

export const settings = {
  PORT: setting('8080', port, 'Port to listen on.'),
  HOST: setting('127.0.0.1', hostName, 'Address to listen on.'),
  PROCESSES: setting(
    '1',
    processes,
    'Number of replicas that one `waypost serve` runs on PORT, each in a process of its own; auto: one per core. More than 1 only on Linux.',
  ),
  DATA_DIR: setting('./data', text, 'Folder for the embedded database and all other data.'),
  DATABASE_URL: secret(
    optional(databaseUrl),
    'PostgreSQL to use, postgres://user:password@host:5432/name. With several hosts (a:5432,b:5432) the writable one is used. Unset, with no DATABASE_* set: the embedded one.',
  ),
  DATABASE_DIRECT_URL: secret(
    optional(databaseUrl),
    'The same database without the pooler in DATABASE_URL, for announcements of changes. Unset: changes are found by polling, every 400 ms.',
  ),
  DATABASE_HOST: setting(
    undefined,
    optional(databaseHosts),
    'Host of PostgreSQL, or several with commas; localhost if another DATABASE_* is set.',
  ),
  DATABASE_PORT: setting(undefined, optional(port), 'Port of PostgreSQL; 5432 if another DATABASE_* is set.'),
  DATABASE_NAME: setting(undefined, optional(text), 'Database; waypost if another DATABASE_* is set.'),
  DATABASE_USER: setting(undefined, optional(text), 'Role; postgres if another DATABASE_* is set.'),
  DATABASE_PASSWORD: secret(optional(text), 'Password of the role.'),
  DATABASE_POOL: setting('10', whole(1, 200), 'Connections of each replica to an external PostgreSQL.'),
  SEED_DIR: setting(
    undefined,
    optional(text),
    'Folder with users.csv, urls.csv, events.csv, imported into an empty database at the first boot; POST …/bulk may name its files.',
  ),
  PUBLIC_URL: setting(
    undefined,
    optional(webUrl),
    'Base of every short_url, as visitors see it. Unset: the Host of the request.',
  ),
  OWN_HOSTS: setting(
    undefined,
    hosts,
    'Other host names of this service, separated by commas: links must not lead back to them. A name without a port means every port.',
  ),
  PRIVATE_TARGETS: setting(
    'allow',
    choice({ allow: ['permit'], refuse: ['deny', 'block', 'reject', 'forbid'] }),
    'refuse: new links may not lead to loopback, private or link-local addresses, nor to names of a local network.',
  ),
  BLOCKLIST_FILE: setting(
    undefined,
    optional(text),
    'File of hosts that no link may lead to, one a line, besides those of /api/blocklist. Read again when it changes, and at SIGHUP.',
  ),
  ADVERTISE_URL: setting(
    undefined,
    optional(origin),
    'Where the other replicas reach this one: http://10.0.0.5:8080. Unset: HOST and PORT; if HOST is every address, the one that reaches the database. With several PROCESSES: the address of slot 0, and each slot has the next port; unset: a port on loopback.',
  ),
  FLEET_TOKEN: secret(
    optional(longToken),
    'Secret that signs requests between replicas: at least 16 characters, the same on all. Unset: derived from the secrets they share.',
  ),
  LANDING_URL: setting(undefined, optional(webUrl), 'Where / redirects to. Unset: the console.'),
  HSTS_MAX_AGE: setting(
    undefined,
    optional(seconds(0, 63_072_000)),
    'max-age of Strict-Transport-Security in seconds, if a proxy in front ends TLS. Unset: the header is not sent.',
  ),
  EXPIRED_URL: setting(
    undefined,
    optional(webUrl),
    'Target of links that have expired or are used up, unless they have an expired_url. Unset: they get 410.',
  ),
  FORWARD_QUERY: setting(
    'off',
    choice({ off: ['no', 'false', '0'], add: ['on', 'yes', 'true', '1'], override: [] }),
    'forward_query of new links that do not set it. add: a visitor’s query is added to the target, whose own parameters take precedence. override: the visitor’s take precedence.',
  ),
  NOINDEX: setting(
    'off',
    onOff,
    'on adds X-Robots-Tag: noindex to redirects, so that search engines do not list short URLs. A link’s own noindex takes precedence.',
  ),
  CODES: setting(
    'sensitive',
    choice({ sensitive: [], insensitive: [] }),
    'insensitive: a code also works in another case, if exactly one link has it; new codes are in lower case.',
  ),
  INACTIVE_STATUS: setting('404', oneOf('404', '410'), 'Status for an inactive link: 404 or 410.'),
  ADMIN_TOKEN: secret(
    optional(longToken),
    'Token of the operator, at least 16 characters, for Authorization: Bearer. Unset: open mode, on loopback only.',
  ),
  METRICS_TOKEN: secret(
    optional(longToken),
    'Token for Prometheus, at least 16 characters: reads /metrics and nothing else, like an API key of scope metrics.',
  ),
  AUTH: setting(
    'on',
    onOff,
    'off disables authentication: everybody who reaches the port may do everything. Only set it deliberately.',
  ),
  SECOND_TIER: setting(
    'edge',
    choice({ edge: [], valkey: ['redis'], none: ['off', 'no', 'false', '0'] }),
    'What answers redirects after the memory cache: a copy of every link on this machine, a shared Valkey at REDIS_URL, or nothing.',
  ),
  REDIS_URL: secret(
    optional(redisUrl),
    'Valkey or Redis, redis://[:password@]host:6379. Replicas share rate limits through it; it is a cache only with SECOND_TIER=valkey.',
  ),
  CACHE_ENTRIES: setting('100000', whole(1, 10_000_000), 'Maximum number of links in the memory cache.'),
  CACHE_BYTES: setting(String(64 * 1024 ** 2), bytes(1024, 2 ** 34), 'Maximum memory of the memory cache, in bytes.'),
  MAX_STALENESS: setting(
    '5',
    seconds(1, 3_600),
    'Seconds that caches may lag before redirects ask the database instead, if it is reachable.',
  ),
  STALE_LIMIT: setting(
    undefined,
    optional(seconds(1, 31_536_000)),
    'Seconds after which a replica without the database answers 503 instead of its last known links. Unset: never.',
  ),
  EDGE_MAX_AGE: setting(
    '86400',
    seconds(1, 31_536_000),
    'Maximum age in seconds of a copy that is used at a start without the database.',
  ),
  TRUSTED_PROXIES: setting(
    '0',
    whole(0, 10),
    'Number of proxies in front that add to X-Forwarded-For (or, without it, to Forwarded); the visitor is the entry at this position from the right.',
  ),
  RATE_CREATE: setting(
    undefined,
    optional(rate),
    'Limit on changes through the API, per key or else per address: 60/min, 10/s, off. Unset: 300/min; no limit in open mode.',
  ),
  RATE_READ: setting(
    undefined,
    optional(rate),
    'Limit on reads, per key or else per address. Unset: 1200/min; no limit in open mode.',
  ),
  RATE_SIGN_IN: setting(
    undefined,
    optional(rate),
    'Limit on wrong tokens per address, and on wrong passwords of a link per link and address; above it even the right one gets 429 for a while. Unset: 10/min.',
  ),
  RATE_UNKNOWN: setting(
    undefined,
    optional(rate),
    'Limit on requests for unknown codes per address. Unset: 60/min; no limit in open mode.',
  ),
  RATE_REDIRECT: setting(
    undefined,
    optional(rate),
    'Limit on redirects per address, of known links too. Slows code guessing; also affects everyone behind one shared address. Unset: no limit.',
  ),
  CORS_ORIGINS: setting(
    undefined,
    optional(origins),
    'Origins whose web pages, extensions and apps may use the API, with their own key and never with cookies: https://app.example.com, chrome-extension://name, null, separated by commas. Unset: none.',
  ),
  VISITOR_ADDRESS: setting(
    'network',
    choice({ network: [], full: [], none: ['off', 'no', 'false', '0'] }),
    'What is stored of a visitor’s address: its network (/24, /48), all of it, or nothing.',
  ),
  HONOR_GPC: setting(
    'off',
    onOff,
    'on: if a visitor’s browser sends Sec-GPC: 1 (Global Privacy Control), the click is counted, and no address, browser or referrer is recorded.',
  ),
  JOURNAL_KEEP: setting(
    '600',
    seconds(0, 86_400),
    'Seconds that stored clicks stay in the journal, in case the database loses them in a failover.',
  ),
  JOURNAL_MAX_BYTES: setting(
    String(2 * 1024 ** 3),
    bytes(8 * 1024 ** 2, 2 ** 40),
    'Maximum size of the click journal on disk: 2 GiB hold ten million clicks of an outage.',
  ),
  EVENTS_KEEP_DAYS: setting(
    undefined,
    optional(days(1, 36_500)),
    'Days that events are kept; whole months are dropped, statistics and totals stay. Unset: forever.',
  ),
  DISK_FREE_MIN: setting(
    String(1024 ** 3),
    bytes(0, 2 ** 50),
    'Minimum free bytes under DATA_DIR: below it the alert disk_space fires, before journal, edge copy or embedded database run out of space. 0: never.',
  ),
  SMTP_HOST: setting(
    undefined,
    optional(hostName),
    'Mail server for notifications, with ALERT_EMAIL_FROM and ALERT_EMAIL_TO. Unset: that of a known provider, if SMTP_USER is an address there; else no e-mail is sent.',
  ),
  SMTP_PORT: setting(
    '587',
    whole(1, 65_535),
    'Port of the mail server. 465 uses TLS from the start; others use STARTTLS if offered, and always before a password unless on loopback.',
  ),
  SMTP_USER: setting(undefined, optional(text), 'User on the mail server, with SMTP_PASSWORD. Unset: no sign-in.'),
  SMTP_PASSWORD: secret(optional(text), 'Password of SMTP_USER.'),
  ALERT_EMAIL_FROM: setting(
    undefined,
    optional(mailbox),
    'Sender of notifications: waypost@example.com. Unset: SMTP_USER, if it is an address.',
  ),
  ALERT_EMAIL_TO: setting(undefined, optional(mailboxes), 'Recipients of notifications, separated by commas.'),
  ALERT_WEBHOOK_URL: secret(
    optional(webhook),
    'Webhook for notifications: of Discord or Slack, or any other, which gets signed JSON.',
  ),
  ALERT_WEBHOOK_SECRET: secret(
    optional(longToken),
    'Key that signs notifications (HMAC-SHA-256, Standard Webhooks), at least 16 characters; required unless the webhook is Discord’s or Slack’s.',
  ),
  RUNBOOK_URL: setting(
    undefined,
    optional(webUrl),
    'Page that notifications link to, with #name-of-the-alert appended. Unset: they name docs/runbook.md.',
  ),
  CHAOS_TOKEN: secret(
    optional(longToken),
    'Enables /chaos, at least 16 characters: the X-Chaos-Token header must equal it. Unset: /chaos always answers 401.',
  ),
  WAYPOST_URL: setting(
    undefined,
    optional(webUrl),
    'Server of the commands `waypost link`: https://go.example.com. Unset: the one on this machine, by HOST and PORT.',
  ),
  WAYPOST_KEY: secret(
    optional(text),
    'API key for `waypost link`. Unset: ADMIN_TOKEN, if WAYPOST_URL is unset too; otherwise none.',
  ),
  LOG_LEVEL: setting('info', logLevel, 'Log lines of this level and above go to standard output. Read again at SIGHUP.'),
  DRAIN_WAIT: setting(
    '1',
    seconds(0, 60),
    'Seconds between "not ready" and closing the port, so that the load balancer notices.',
  ),
} as const

export type Name = keyof typeof settings

function setting<T>(byDefault: string | undefined, parse: (value: string | undefined) => T, help: string) {
  return { default: byDefault, parse, help, secret: false }
}

function secret<T>(parse: (value: string | undefined) => T, help: string) {
  return { default: undefined, parse, help, secret: true }
}
