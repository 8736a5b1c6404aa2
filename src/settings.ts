// Every setting, once: its name, default, parser and help. This table makes the flags, `waypost config`, .env.example and docs/configuration.md.
import {
  databaseHosts,
  databaseUrl,
  hostName,
  hosts,
  longToken,
  mailbox,
  mailboxes,
  oneOf,
  optional,
  origin,
  origins,
  port,
  rate,
  redisUrl,
  text,
  webhook,
  webUrl,
  whole,
} from './setting-values.ts'

export const settings = {
  PORT: setting('8080', port, 'Port to listen on.'),
  HOST: setting('127.0.0.1', text, 'Address to listen on.'),
  DATA_DIR: setting('./data', text, 'Folder for the embedded database and everything else that is kept.'),
  DATABASE_URL: secret(
    optional(databaseUrl),
    'PostgreSQL to use, postgres://user:password@host:5432/name; of several servers, a:5432,b:5432, the one that takes writes. Unset, with no DATABASE_* set: the embedded one.',
  ),
  DATABASE_HOST: setting(
    undefined,
    optional(databaseHosts),
    'Host of PostgreSQL, or several with commas; localhost where another DATABASE_* is set.',
  ),
  DATABASE_PORT: setting(undefined, optional(port), 'Port of PostgreSQL; 5432 where another DATABASE_* is set.'),
  DATABASE_NAME: setting(undefined, optional(text), 'Database; waypost where another DATABASE_* is set.'),
  DATABASE_USER: setting(undefined, optional(text), 'Role; postgres where another DATABASE_* is set.'),
  DATABASE_PASSWORD: secret(optional(text), 'Password of the role.'),
  DATABASE_POOL: setting('10', whole(1, 200), 'Connections to an external PostgreSQL, for each replica.'),
  SEED_DIR: setting(
    undefined,
    optional(text),
    'Folder with users.csv, urls.csv, events.csv: fills an empty database on first boot; POST …/bulk may name its files.',
  ),
  PUBLIC_URL: setting(
    undefined,
    optional(webUrl),
    'Base of every short_url, as visitors see it. Unset: the Host of the request.',
  ),
  OWN_HOSTS: setting(
    undefined,
    hosts,
    'Other names of this service, a comma between them: links must not lead back to them. Without a port, every port is meant.',
  ),
  PRIVATE_TARGETS: setting(
    'allow',
    oneOf('allow', 'refuse'),
    'refuse: new links may not lead to loopback, private or link-local addresses, nor to names that only a local network knows.',
  ),
  BLOCKLIST_FILE: setting(
    undefined,
    optional(text),
    'File of hosts that no link may lead to, one a line, beside those of /api/blocklist. Read again when it changes, and at SIGHUP.',
  ),
  ADVERTISE_URL: setting(
    undefined,
    optional(origin),
    'Where the other replicas reach this one: http://10.0.0.5:8080. Unset: HOST and PORT; where HOST is every address, the one that leads to the database.',
  ),
  FLEET_TOKEN: secret(
    optional(longToken),
    'Secret, at least 16 characters and alike on all replicas, that signs what they ask each other. Unset: made from what they share already.',
  ),
  LANDING_URL: setting(undefined, optional(webUrl), 'Where / leads. Unset: to the console.'),
  HSTS_MAX_AGE: setting(
    undefined,
    optional(whole(0, 63_072_000)),
    'Seconds that browsers are told to use nothing but https here (Strict-Transport-Security), where TLS ends in front. Unset: not told.',
  ),
  INACTIVE_STATUS: setting('404', oneOf('404', '410'), 'Status for a link that is not active: 404 or 410.'),
  ADMIN_TOKEN: secret(
    optional(longToken),
    'Token of the operator, at least 16 characters: Authorization: Bearer. Unset: open mode, on loopback only.',
  ),
  METRICS_TOKEN: secret(
    optional(longToken),
    'Token for Prometheus, at least 16 characters: it may read /metrics and nothing else, like an API key of scope metrics.',
  ),
  AUTH: setting('on', oneOf('on', 'off'), 'off: everybody who reaches the port may do everything. On purpose only.'),
  SECOND_TIER: setting(
    'edge',
    oneOf('edge', 'valkey', 'none'),
    'What answers redirects behind the memory cache: a copy of every link on this machine, a shared Valkey at REDIS_URL, or nothing.',
  ),
  REDIS_URL: secret(
    optional(redisUrl),
    'Valkey or Redis, redis://[:password@]host:6379. Replicas share rate limits through it; as a cache it is used with SECOND_TIER=valkey only.',
  ),
  CACHE_ENTRIES: setting('100000', whole(1, 10_000_000), 'Links the memory cache holds at most.'),
  CACHE_BYTES: setting(String(64 * 1024 ** 2), whole(1024, 2 ** 34), 'Memory that they take at most.'),
  MAX_STALENESS: setting(
    '5',
    whole(1, 3_600),
    'Seconds that caches may lag behind before a reachable database is asked instead.',
  ),
  STALE_LIMIT: setting(
    undefined,
    optional(whole(1, 31_536_000)),
    'Seconds after which a replica cut off from the database answers 503 instead of what it last knew. Unset: never.',
  ),
  EDGE_MAX_AGE: setting(
    '86400',
    whole(1, 31_536_000),
    'Seconds that a copy may be old to be used at a start without the database.',
  ),
  TRUSTED_PROXIES: setting(
    '0',
    whole(0, 10),
    'Proxies in front, each adding to X-Forwarded-For: the visitor is counted from the right.',
  ),
  RATE_CREATE: setting(
    undefined,
    optional(rate),
    'Changes by the API that a key, or without one an address, may make: 60/min, 10/s, off. Unset: 300/min, and none in open mode.',
  ),
  RATE_READ: setting(undefined, optional(rate), 'The same of reads. Unset: 1200/min, and none in open mode.'),
  RATE_SIGN_IN: setting(undefined, optional(rate), 'Wrong credentials from one address. Unset: 10/min, and none in open mode.'),
  RATE_UNKNOWN: setting(
    undefined,
    optional(rate),
    'Codes asked for by one address that no link has. Unset: 60/min, and none in open mode.',
  ),
  RATE_REDIRECT: setting(
    undefined,
    optional(rate),
    'Redirects of one address, of known links too. Unset: no limit. Slows down who tries out codes, and everybody behind one address.',
  ),
  CORS_ORIGINS: setting(
    undefined,
    optional(origins),
    'Origins whose web pages may use the API, with a key of theirs and never with cookies: https://app.example.com, by commas. Unset: none.',
  ),
  VISITOR_ADDRESS: setting(
    'network',
    oneOf('network', 'full', 'none'),
    'What is kept of a visitor’s address: its network (/24, /48), all of it, or nothing.',
  ),
  JOURNAL_KEEP: setting(
    '600',
    whole(0, 86_400),
    'Seconds that stored clicks stay in the journal, for a database that loses them in a failover.',
  ),
  JOURNAL_MAX_BYTES: setting(
    String(2 * 1024 ** 3),
    whole(8 * 1024 ** 2, 2 ** 40),
    'What the click journal may take on disk: 2 GiB are ten million clicks of outage.',
  ),
  EVENTS_KEEP_DAYS: setting(
    undefined,
    optional(whole(1, 36_500)),
    'Days that events are kept, dropped by whole months; statistics and totals stay. Unset: for ever.',
  ),
  DISK_FREE_MIN: setting(
    String(1024 ** 3),
    whole(0, 2 ** 50),
    'Bytes that are to stay free under DATA_DIR: with less the alert disk_space fires, before journal, edge copy or embedded database run out. 0: never.',
  ),
  SMTP_HOST: setting(
    undefined,
    optional(hostName),
    'Mail server for notices of alerts, with ALERT_EMAIL_FROM and ALERT_EMAIL_TO. Unset: none go by e-mail.',
  ),
  SMTP_PORT: setting(
    '587',
    whole(1, 65_535),
    'Its port. 465 speaks TLS from the start, others by STARTTLS where offered, and always before a password unless on loopback.',
  ),
  SMTP_USER: setting(undefined, optional(text), 'User that the mail server knows, with SMTP_PASSWORD. Unset: no sign-in.'),
  SMTP_PASSWORD: secret(optional(text), 'The user’s password.'),
  ALERT_EMAIL_FROM: setting(undefined, optional(mailbox), 'Sender of notices: waypost@example.com.'),
  ALERT_EMAIL_TO: setting(undefined, optional(mailboxes), 'Who gets notices of alerts, a comma between them.'),
  ALERT_WEBHOOK_URL: secret(
    optional(webhook),
    'Where notices of alerts are posted: a webhook of Discord or Slack, or any other, which gets JSON that is signed.',
  ),
  ALERT_WEBHOOK_SECRET: secret(
    optional(longToken),
    'Key, at least 16 characters, that signs notices (HMAC-SHA-256, as Standard Webhooks); wanted unless the webhook is Discord’s or Slack’s.',
  ),
  RUNBOOK_URL: setting(
    undefined,
    optional(webUrl),
    'Page that notices link to, with #name-of-the-alert behind it. Unset: they name docs/runbook.md.',
  ),
  CHAOS_TOKEN: secret(optional(text), 'Arms /chaos: the X-Chaos-Token header must equal it. Unset: /chaos always answers 401.'),
  LOG_LEVEL: setting(
    'info',
    oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal'),
    'Lines of this level and above go to standard output. Read again at SIGHUP.',
  ),
  DRAIN_WAIT: setting('1', whole(0, 60), 'Seconds between "not ready" and closing the port, for the balancer to notice.'),
} as const

export type Name = keyof typeof settings

function setting<T>(byDefault: string | undefined, parse: (value: string | undefined) => T, help: string) {
  return { default: byDefault, parse, help, secret: false }
}

function secret<T>(parse: (value: string | undefined) => T, help: string) {
  return { default: undefined, parse, help, secret: true }
}
