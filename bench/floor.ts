// The floors: what the parts can do with nothing of ours. `bun bench/floor.ts redirect|headers|missing|insert|select <port> [database url]`.
import postgres from 'postgres'

const [kind, port, database] = process.argv.slice(2)

const sql = postgres(database ?? 'postgres://localhost/none', {
  max: 10,
  onnotice: () => {},
  types: { bigint: { to: 20, from: [20], parse: Number, serialize: String } },
})

const LOCATION = 'https://example.com/a/page'
const KEPT = new Headers({ 'Cache-Control': 'private, no-store', 'X-Cache': 'HIT' })
const MISSING = JSON.stringify({ error: 'URL not found', request_id: crypto.randomUUID() })

/**
 * Bare Bun.serve: a constant redirect; one that reads the headers that a click is made of, and sends those of a hit; a constant 404; an INSERT or a
 * SELECT of 20 through postgres.js, answered as JSON.
 */
const handlers: Record<string, (request: Request) => Response | Promise<Response>> = {
  redirect: () =>
    new Response(null, {
      status: 302,
      headers: { Location: LOCATION, 'Cache-Control': 'private, no-store' },
    }),
  headers: ({ headers }) => {
    headers.get('user-agent')
    headers.get('referer')
    KEPT.set('Location', LOCATION)
    return new Response(null, { status: 302, headers: KEPT })
  },
  missing: () => new Response(MISSING, { status: 404, headers: { 'Content-Type': 'application/json' } }),
  insert: async (request) => {
    const { original_url } = (await request.json()) as { original_url: string }
    const [row] =
      await sql`insert into floor_urls (code, original_url) values (${crypto.randomUUID()}, ${original_url}) returning *`
    return Response.json(row, { status: 201 })
  },
  select: async () =>
    Response.json(
      await sql`select id, user_id, short_code, original_url, title, is_active, created_at, updated_at from urls order by id limit 20`,
    ),
}

if (database)
  await sql`create table if not exists floor_urls (id bigint generated always as identity primary key, code text unique not null, original_url text not null, created_at timestamptz not null default now())`
Bun.serve({ port: Number(port), hostname: '127.0.0.1', fetch: handlers[kind!]! })
console.log('listening')
