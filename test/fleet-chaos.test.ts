// Faults and alerts belong to the fleet: three replicas behind a proxy that asks them in turn, one of which takes no faults.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import postgres, { type Sql } from 'postgres'
import { createSigner } from '../src/fleet/signature.ts'
import { type Child, startChild } from './child.ts'
import { type Cluster, openCluster, serverBinaries } from './postgres.ts'
import { temporaryFolder } from './scratch.ts'

const installed = serverBinaries() !== undefined
if (!installed) console.warn('SKIPPED: test/fleet-chaos.test.ts (PostgreSQL is not installed)')

const ADMIN_TOKEN = 'an-operators-long-token'
const CHAOS_TOKEN = 'a-token-for-the-drill'
const BEARER = { authorization: `Bearer ${ADMIN_TOKEN}` }
const TOKEN = { 'x-chaos-token': CHAOS_TOKEN }
const STRANGER = '00000000-0000-7000-8000-000000000001'
const OWN = '/api/chaos/own'

type Headers = Record<string, string>

describe.skipIf(!installed)('a fleet behind a round robin', () => {
  let cluster: Cluster
  let sql: Sql
  const children: Child[] = []
  const ids: string[] = []
  const names: string[] = []
  let turn = 0
  const proxy = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    idleTimeout: 30,
    async fetch(request) {
      const { pathname, search } = new URL(request.url)
      const { method, headers } = request
      const body = method === 'GET' || method === 'HEAD' ? undefined : await request.text()
      return fetch(`${children[turn++ % 2]!.base}${pathname}${search}`, { method, headers, body: body || undefined })
    },
  })

  async function call(method: string, path: string, headers: Headers = TOKEN, body?: object, base = proxy.url.origin) {
    const response = await fetch(base + path, {
      method,
      headers: { ...BEARER, ...headers, ...(body && { 'content-type': 'application/json' }) },
      body: body && JSON.stringify(body),
      redirect: 'manual',
    })
    const text = await response.text()
    return { status: response.status, body: text ? JSON.parse(text) : undefined }
  }
  const state = (child: Child, of = 'all') => call('GET', `/api/chaos?replica=${of}`, {}, undefined, child.base)
  /** What is armed, as each of the replicas tells of the fleet. */
  const told = async () =>
    Promise.all(
      children.map(async (child) =>
        (await state(child)).body.armed.map(({ fault, replica }: any) => `${fault} on ${replica}`).sort(),
      ),
    )
  const everywhere = (...armed: string[]) => Array(3).fill(armed.sort())

  beforeAll(async () => {
    cluster = await openCluster({ own: true })
    const DATABASE_URL = await cluster.createDatabase()
    sql = postgres(DATABASE_URL, { max: 1, onnotice: () => {} })
    const start = (env: Headers = { CHAOS_TOKEN }) =>
      startChild({ DATABASE_URL, DATA_DIR: temporaryFolder(), ADMIN_TOKEN, RATE_SIGN_IN: 'off', LOG_LEVEL: 'fatal', ...env })
    children.push(await start(), ...(await Promise.all([start(), start({})])))
    const list = async (child: Child) => (await call('GET', '/api/fleet', {}, undefined, child.base)).body.replicas
    for (const child of children) while ((await list(child)).length < 3) await Bun.sleep(50)
    for (const child of children) {
      const [{ id, hostname }] = await list(child)
      ids.push(id)
      names.push(`${hostname}:${child.port}`)
    }
  })
  afterEach(async () => {
    expect((await call('DELETE', '/chaos?replica=all')).status).toBe(200)
  })
  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL')
    await sql?.end()
    await cluster?.end()
    proxy.stop(true)
  })

  test('arms a fault on the chosen replica, and every replica reports it', async () => {
    for (const place of [0, 1]) {
      const { status, body } = await call('POST', `/chaos?replica=${ids[place]}`, TOKEN, {
        fault: 'latency',
        duration: 60,
        latency_ms: 1,
      })
      expect([status, body]).toEqual([
        200,
        { asked: 1, answered: 1, replicas: [{ id: ids[place], replica: names[place], faults: ['latency'], reason: null }] },
      ])
    }
    expect(await told()).toEqual(everywhere(`latency on ${names[0]}`, `latency on ${names[1]}`))
    for (const child of children) {
      const { armed, history, replicas, asked, answered } = (await state(child)).body
      expect([asked, answered]).toEqual([3, 3])
      for (const one of armed) expect(Date.parse(one.until)).toBeGreaterThan(Date.now())
      expect(
        history
          .filter(({ to }: any) => to === null)
          .map(({ replica_id }: any) => replica_id)
          .sort(),
      ).toEqual(ids.slice(0, 2).sort())
      expect(new Map(replicas.map(({ id, enabled }: any) => [id, enabled]))).toEqual(
        new Map([
          [ids[0], true],
          [ids[1], true],
          [ids[2], false],
        ]),
      )
    }
    const one = (await state(children[2]!, ids[1])).body
    expect(one.armed).toMatchObject([{ fault: 'latency', replica: names[1], latency_ms: 1 }])
  })

  test('arms it on all that accept faults, and says why one does not', async () => {
    const { status, body } = await call('POST', '/chaos?replica=all', TOKEN, { fault: 'cache', duration: 60 })
    expect([status, body.asked, body.answered]).toEqual([200, 3, 2])
    expect(body.replicas.find(({ id }: any) => id === ids[2])).toEqual({
      id: ids[2],
      replica: names[2],
      faults: [],
      reason: 'it answered 403: CHAOS_TOKEN is not set on this replica',
    })
    expect(await told()).toEqual(everywhere(`cache on ${names[0]}`, `cache on ${names[1]}`))
    expect((await call('POST', `/chaos?replica=${ids[2]}`, TOKEN, { fault: 'cache', duration: 60 })).status).toBe(503)
  })

  test('ends faults where they are, whichever replica is asked, and says which', async () => {
    await call('POST', `/chaos?replica=${ids[0]}`, TOKEN, { fault: 'latency', duration: 60, latency_ms: 1 })
    await call('POST', `/chaos?replica=${ids[1]}`, TOKEN, { fault: 'cache', duration: 60 })
    const { body } = await call('DELETE', '/chaos?replica=all', TOKEN, undefined, children[1]!.base)
    expect(new Map(body.replicas.map(({ id, faults }: any) => [id, faults]))).toEqual(
      new Map([
        [ids[0], ['latency']],
        [ids[1], ['cache']],
        [ids[2], []],
      ]),
    )
    expect(await told()).toEqual(everywhere())
  })

  test('without a choice is as it was: 204, and the replica that takes the request', async () => {
    const at = (child: Child, method: string, body?: object) => call(method, '/chaos', TOKEN, body, child.base)
    for (const child of children.slice(0, 2))
      expect(await at(child, 'POST', { fault: 'cache', duration: 60 })).toEqual({ status: 204, body: undefined })
    expect(await at(children[0]!, 'DELETE')).toEqual({ status: 204, body: undefined })
    expect(await told()).toEqual(everywhere(`cache on ${names[1]}`))
  })

  test.each<[string, string, string, Headers, object | undefined, number, string]>([
    ['a wrong token', 'DELETE', '/chaos?replica=all', { 'x-chaos-token': 'guess' }, undefined, 401, 'X-Chaos-Token'],
    ['an unknown replica', 'DELETE', `/chaos?replica=${STRANGER}`, TOKEN, undefined, 404, 'Replica'],
    ['an unknown fault', 'POST', '/chaos?replica=all', TOKEN, { fault: 'flood', duration: 1 }, 400, 'fault'],
    ['a fault without an end', 'POST', '/chaos?replica=all', TOKEN, { fault: 'cache' }, 400, 'duration'],
    ['the end of all replicas', 'POST', '/chaos?replica=all', TOKEN, { fault: 'kill' }, 400, 'a single replica for kill'],
    ['a GET that would end another than is meant', 'GET', `/chaos?replica=all`, TOKEN, undefined, 400, 'POST and DELETE'],
    ['an order of an operator', 'DELETE', OWN, TOKEN, undefined, 403, 'only replicas may use this route'],
  ])('refuses %s', async (_, method, path, headers, body, status, sentence) => {
    const answer = await call(method, path, headers, body)
    expect([answer.status, answer.body.error]).toEqual([status, expect.stringContaining(sentence)])
    expect(await told()).toEqual(everywhere())
  })

  test('obeys an order that is signed whole, once', async () => {
    const secret = (await sql`select encode(session_secret, 'hex') as secret from policy`)[0]!.secret
    const signer = createSigner({ ADMIN_TOKEN, FLEET_TOKEN: undefined }, () => secret, STRANGER)
    const order = { fault: 'cache', duration: 60, share: 1, latency_ms: 1, by: 'somebody' }
    const sign = (method: string, body: string, path = OWN, to = ids[0]!) => signer.headers(to, path, { method, body })!
    const send = async (method: string, headers: Headers, body?: object, path = OWN) => {
      const response = await fetch(children[0]!.base + path, {
        method,
        headers: { ...headers, ...(body && { 'content-type': 'application/json' }) },
        body: body && JSON.stringify(body),
      })
      return response.status
    }
    const text = JSON.stringify(order)
    const good = sign('POST', text)
    expect(await send('POST', sign('POST', text), { ...order, duration: 600 })).toBe(401) // another body
    expect(await send('DELETE', sign('POST', ''))).toBe(401) // another method
    expect(await send('POST', sign('POST', text, `${OWN}?x=1`), order)).toBe(401) // another query
    expect(await send('POST', sign('POST', text, OWN, ids[1]), order)).toBe(403) // another replica
    expect(await send('POST', signer.headers(ids[0]!, OWN)!, order)).toBe(401) // a signature to read
    expect(await send('GET', sign('GET', '', '/api/fleet'), undefined, '/api/fleet')).toBe(401) // an order to read
    expect(await send('POST', sign('POST', text, '/chaos'), order, '/chaos')).toBe(401)
    expect(await send('POST', sign('POST', text, '/urls'), order, '/urls')).toBe(401)
    expect(await told()).toEqual(everywhere())
    expect(await send('POST', good, order)).toBe(200)
    expect(await send('POST', good, order)).toBe(401) // again
    expect(await told()).toEqual(everywhere(`cache on ${names[0]}`))
  })

  test('says where it is not known, and of a release before this one that it cannot', async () => {
    const old = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: () => Response.json({ error: 'Not found' }, { status: 404 }),
    })
    const [{ hostname }] = (await call('GET', '/api/fleet', {}, undefined, children[0]!.base)).body.replicas
    await sql`
      insert into replicas (id, place, slot, hostname, url, version, state, rate, started_at)
      values (${STRANGER}, 'nowhere', 0, ${hostname}, ${old.url.origin}, '0.1.0', 'ready', 0, now())`
    const list = async () => (await call('GET', '/api/fleet', {}, undefined, children[0]!.base)).body.replicas
    while ((await list()).length < 4) await Bun.sleep(50)
    process.kill(children[1]!.pid, 'SIGSTOP')
    try {
      await call('POST', `/chaos?replica=${ids[0]}`, TOKEN, { fault: 'cache', duration: 60 }, children[0]!.base)
      const { status, body } = await call('DELETE', '/chaos?replica=all', TOKEN, undefined, children[0]!.base)
      expect([status, body.asked, body.answered]).toEqual([200, 4, 2])
      const reasons = new Map(body.replicas.map(({ id, reason, faults }: any) => [id, reason ?? faults.join()]))
      expect(reasons).toEqual(
        new Map([
          [ids[0], 'cache'],
          [ids[1], 'it gave no answer within 3 s'],
          [ids[2], ''],
          [STRANGER, 'its release 0.1.0 does not support this'],
        ]),
      )
      const { replicas } = (await state(children[0]!)).body
      expect(replicas.find(({ id }: any) => id === ids[1])).toMatchObject({ enabled: null, unanswered: expect.any(String) })
    } finally {
      process.kill(children[1]!.pid, 'SIGCONT')
      await sql`delete from replicas where id = ${STRANGER}`
      old.stop(true)
    }
    while ((await state(children[0]!)).body.answered < 3) await Bun.sleep(100)
  })

  test('ends one replica that is named, and no other', async () => {
    const spare = await startChild({
      DATABASE_URL: await Promise.resolve(sql.options.database).then((name) => cluster.url.replace(/\/[^/]*$/, `/${name}`)),
      DATA_DIR: temporaryFolder(),
      ADMIN_TOKEN,
      CHAOS_TOKEN,
      LOG_LEVEL: 'fatal',
    })
    const id = (await call('GET', '/api/fleet', {}, undefined, spare.base)).body.replicas[0].id
    const known = async () =>
      (await call('GET', '/api/fleet', {}, undefined, children[0]!.base)).body.replicas.some((one: any) => one.id === id)
    while (!(await known())) await Bun.sleep(50)
    expect((await call('POST', `/chaos?replica=${id}`, TOKEN, { fault: 'kill' }, children[0]!.base)).body).toMatchObject({
      answered: 1,
    })
    expect(await spare.exited).toBe(75)
    const left = async (child: Child) => (await call('GET', '/api/fleet', {}, undefined, child.base)).body.replicas.length
    for (const child of children) while ((await left(child)) > 3) await Bun.sleep(50)
    for (const child of children) expect((await call('GET', '/ready', {}, undefined, child.base)).status).toBe(200)
  })

  test('has one list of alerts, and one history that names the replica', async () => {
    const tried = ({ history }: any) => history.filter(({ test }: any) => test) // a busy machine may fire some of its own
    await call('POST', '/api/alerts/high_latency/test', {}, undefined, children[1]!.base)
    await call('POST', '/api/alerts/disk_space/test', {}, undefined, children[2]!.base)
    const lists = await Promise.all(children.map((child) => call('GET', '/api/alerts?replica=all', {}, undefined, child.base)))
    for (const { body } of lists) {
      expect([body.asked, body.answered, body.silent]).toEqual([3, 3, []])
      expect(tried(body).map(({ name, replica }: any) => [name, replica])).toEqual([
        ['disk_space', names[2]],
        ['high_latency', names[1]],
      ])
      const alert = body.alerts.find(({ name }: any) => name === 'high_latency')
      expect(alert).toMatchObject({ state: 'firing', test: true, until: expect.any(String) })
      expect(alert.replicas.filter(({ state }: any) => state === 'firing')).toMatchObject([
        { id: ids[1], replica: names[1], test: true },
      ])
    }
    const own = (await call('GET', '/api/alerts', {}, undefined, children[0]!.base)).body
    expect(Object.keys(own).sort()).toEqual(['alerts', 'history'])
    expect(tried(own)).toEqual([])
    const second = (await call('GET', `/api/alerts?replica=${ids[1]}`, {}, undefined, children[0]!.base)).body
    expect(tried(second)).toMatchObject([{ name: 'high_latency' }])
    expect((await call('GET', `/api/alerts?replica=${STRANGER}`, {})).status).toBe(404)
  })
})
