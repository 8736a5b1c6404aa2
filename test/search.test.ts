// What a search finds and in which order, among few links and among so many that the index has to find them; and what is suggested instead.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { byIndex, narrowed } from '../src/links/narrow.ts'
import { piecesOf, wordsOf } from '../src/links/searched.ts'
import { databases } from './databases.ts'
import { printedSeed } from './seed.ts'
import { serveOn, type TestServer } from './server.ts'

const seed = printedSeed('search')

/** By code: title and target. */
const LINKS: Record<string, [title: string | null, target: string]> = {
  target: [null, 'https://shop.example/spring/offers'],
  within: ['Our offspring', 'https://kids.example/'],
  title: ['Offers of the Spring', 'https://a.example/'],
  'spring-sale': ['Cheaper', 'https://b.example/'],
  SPRING: ['Another case', 'https://c.example/'],
  spring: ['The code itself', 'https://d.example/'],
  pod: ['Podcast on the status of things', 'https://pod.example/episode'],
  umlaut: ['ÄRGER über Größe', 'https://e.example/straße'],
  turkish: ['İstanbul IŞIK ışık', 'https://f.example/'],
  greek: ['ΟΔΟΣ και οδός', 'https://g.example/'],
  russian: ['Погода в Москве', 'https://h.example/'],
  viet: ['Tiếng Việt', 'https://i.example/'],
  chinese: ['東京の会議 案内', 'https://j.example/'],
  party: ['Party 🎉', 'https://k.example/'],
  signs: ['100%_sure (C# & C++) [x] ^$ back\\slash', 'https://l.example/?q=a+b&c=d'],
  at: ['AT&T', 'https://m.example/'],
  zq1: ['Short zq', 'https://n.example/'],
  azq: ['Within a word', 'https://o.example/'],
}

/** Each search, and the codes that it finds, by relevance. */
const SEARCHES: [q: string, codes: string[]][] = [
  ['spring', ['spring', 'SPRING', 'spring-sale', 'title', 'within', 'target']],
  ['SPRING', ['SPRING', 'spring', 'spring-sale', 'title', 'within', 'target']],
  ['/spring', ['spring', 'SPRING', 'spring-sale', 'target']],
  ['spring+', ['spring', 'SPRING', 'spring-sale']],
  ['spring-s', ['spring-sale']],
  ['offers spring', ['title', 'target']],
  ['spring   Offers spring', ['title', 'target']],
  ['status podcast', ['pod']],
  ['podcast status episode', ['pod']],
  ['podcast nothing', []],
  ['shop.example/spring', ['target']],
  ['https://shop.example/spring/offers', ['target']],
  ['ärger', ['umlaut']],
  ['größe ÜBER', ['umlaut']],
  ['STRAßE', ['umlaut']],
  ['istanbul', ['turkish']],
  ['ISTANBUL', ['turkish']],
  ['ışık', ['turkish']],
  ['IŞIK', ['turkish']],
  ['οδος', ['greek']],
  ['погода', ['russian']],
  ['МОСКВЕ погода', ['russian']],
  ['việt', ['viet']],
  ['の会議', ['chinese']],
  ['100%', ['signs']],
  ['%_s', ['signs']],
  ['back\\slash', ['signs']],
  ['^$', ['signs']],
  ['(c#', ['signs']],
  ['a+b&c', ['signs']],
  ['party - 🎉', ['party']],
  ['at&t', ['at']],
  ['zq', ['zq1']],
  ['az', ['azq']],
  ['zq short', ['zq1']],
  ['offers nowhere', []],
  ["o'neil", []],
]

/** In a large database, the index finds these only where words start or end, and the newest links where they are. */
const IN_PART: [q: string, codes: string[]][] = [
  ['東京', ['chinese']],
  ['案内', ['chinese']],
  ['議', ['chinese']],
  ['c#', ['signs']],
]

const FILLERS = 6_000

describe.each(databases.flatMap((kind) => [false, true].map((many) => ({ kind, many, name: kind.name }))))(
  'on the $name database, among many: $many',
  ({ kind, many }) => {
    let server: TestServer
    const codesOf = async (path: string) =>
      (await server.get(path)).body.map(({ short_code }: { short_code: string }) => short_code) as string[]
    const ranked = (q: string, more = '') => `/urls?sort=relevance&per_page=100&q=${encodeURIComponent(q)}${more}`

    beforeAll(async () => {
      server = await serveOn(kind)
      for (const [short_code, [title, original_url]] of Object.entries(LINKS)) {
        if (short_code.length > 2) expect((await server.post('/urls', { short_code, title, original_url })).status).toBe(201)
        else await server.database.run((sql) => sql`insert into urls ${sql({ short_code, title, original_url })}`)
      }
      if (!many) return
      await server.database.run(
        (sql) => sql`
          insert into urls (short_code, original_url, title)
          select 'filler-' || n, 'https://filler.invalid/' || n, 'Filler ' || n from generate_series(1, ${FILLERS}::int) n`,
        60_000,
      )
    })
    afterAll(() => server.stop())

    test.each(SEARCHES)('%s', async (q, codes) => {
      const { body, headers } = await server.get(ranked(q))
      expect(body.map(({ short_code }: { short_code: string }) => short_code)).toEqual(codes)
      expect([headers.get('x-total-count'), headers.get('x-next-cursor')]).toEqual([String(codes.length), null])
      // In order of ids, it finds the same, apart from codes with signs around them.
      const listed = await server.get(`/urls?per_page=100&q=${encodeURIComponent(q)}`)
      const found = listed.body.map(({ short_code }: { short_code: string }) => short_code)
      if (!/^\/|\+$/.test(q)) expect(found).toEqual(Object.keys(LINKS).filter((code) => codes.includes(code)))
      expect([listed.headers.get('x-total-count'), listed.headers.get('x-total-exact')]).toEqual([String(found.length), null])
      const exported = (await server.get(`/api/export/links.csv?q=${encodeURIComponent(q)}`)).text.trim().split('\r\n')
      expect(exported.length - 1).toBe(found.length)
    })

    test.each(IN_PART)('%s, of which the index knows only some', async (q, codes) => {
      const { headers } = await server.get(ranked(q))
      expect([await codesOf(ranked(q)), headers.get('x-total-exact')]).toEqual([codes, many ? 'false' : null])
      expect(await codesOf(`/urls?q=${encodeURIComponent(q)}`)).toEqual(codes)
    })

    test('other filters apply, and links of equal relevance are in order of id', async () => {
      expect(await codesOf(ranked('example', '&is_active=false'))).toEqual([])
      expect(await codesOf(ranked('spring', '&code=spring-sale'))).toEqual(['spring-sale'])
      expect(await codesOf(ranked('spring', '&user_id=1'))).toEqual([])
      const upwards = await codesOf(ranked('example'))
      expect(upwards).toEqual(Object.keys(LINKS))
      expect(await codesOf(ranked('example', '&order=desc'))).toEqual(upwards.toReversed())
    })

    test('pages follow one another', async () => {
      const all = await codesOf(ranked('example'))
      const paged: string[] = []
      let path: string | undefined = '/urls?sort=relevance&q=example&per_page=5'
      while (path) {
        paged.push(...(await codesOf(path)))
        path = /<([^>]+)>; rel="next"/.exec((await server.get(path)).headers.get('link')!)?.[1]
      }
      expect(paged).toEqual(all)
      expect(await codesOf('/urls?sort=relevance&q=example&per_page=5&page=99')).toEqual([])
    })

    test.each([
      ['podcats', ['Podcast']],
      ['statsu podcast', ['status podcast']],
      ['podcast  statsu', ['podcast status']],
      ['podcats statsu', ['Podcast status']],
      ['погдоа', ['Погода']],
      ['sprnig-sale', ['spring-sale']],
      ['istnbul', ['İstanbul']],
      ['spring podcast', []], // both are there, though not together
      ['xyzxyzxyz', []],
      ['zzzz yyyy xxxx', []],
      ['xy', []],
      ['%%%', []],
    ] as [string, string[]][])('for %s it suggests %p', async (q, suggested) => {
      const { status, body } = await server.get(`/api/suggestions/links?q=${encodeURIComponent(q)}`)
      expect([status, body.map(({ q }: { q: string }) => q)]).toEqual([200, suggested])
      for (const q of suggested) expect((await codesOf(ranked(q))).length).toBeGreaterThan(0)
    })

    test('the code of an alias finds its link first', async () => {
      const [{ id }] = (await server.get('/urls?code=within')).body
      expect((await server.post(`/urls/${id}/aliases`, { code: 'Offers' })).status).toBe(201)
      expect((await codesOf(ranked('Offers')))[0]).toBe('within')
      expect((await server.call('DELETE', `/urls/${id}/aliases/Offers`)).status).toBe(204)
      expect((await codesOf(ranked('Offers')))[0]).toBe('title')
    })

    test('a short URL finds its link, and suggests nothing', async () => {
      const short = encodeURIComponent(`${server.base}/spring`)
      expect(await codesOf(`/urls?sort=relevance&q=${short}`)).toEqual(['spring'])
      expect((await server.get(`/api/suggestions/links?q=${short}`)).body).toEqual([])
    })

    test.each([
      ['/urls?sort=relevance', 'sort'],
      ['/urls?sort=relevance&q=%20', 'sort'],
      ['/urls?sort=banana&q=a', 'sort'],
      ['/urls?sort=relevance&q=a&cursor=1', 'cursor'],
      ['/api/suggestions/links', 'q'],
      ['/api/suggestions/links?q=%20', 'q'],
      [`/api/suggestions/links?q=${'x'.repeat(501)}`, 'q'],
    ])('%s is refused', async (path, field) => {
      const { status, body } = await server.get(path)
      expect([status, body.details[0].field]).toEqual([400, field])
    })
  },
)

describe.each(databases)('many links on the $name database', (kind) => {
  const TOTAL = 12_000
  let server: TestServer
  let texts: { code: string; text: string }[]

  beforeAll(async () => {
    server = await serveOn(kind)
    await server.database.run(
      (sql) => sql`
        insert into urls (short_code, original_url, title)
        select 'c' || n || chr(97 + n % 26), 'https://www.example' || n % 7 || '.com/' || md5(n::text) || '/' || (n * 7919) % 1000 || '?lang=de',
          case n % 3 when 0 then 'Über ' || md5((n * 3)::text) || ' Погода' when 1 then 'Spring ' || chr(65 + n % 26) || chr(97 + n % 17) end
        from generate_series(1, ${TOTAL}::int) n`,
      60_000,
    )
    await server.database.run((sql) => sql`vacuum analyze urls`.simple(), 60_000) // as an import does, and the housekeeping of a database
    const rows = await server.database.run(
      (sql) => sql<{ code: string; text: string }[]>`
        select short_code as code, concat_ws(' ', short_code, original_url, coalesce(title, '')) as text from urls order by id`,
    )
    texts = [...rows]
  })
  afterAll(() => server.stop())

  const has = (text: string, word: string) =>
    /^[\p{L}\p{N}]{1,2}$/u.test(word) ? new RegExp(`(^|[^\\p{L}\\p{N}])${word}`, 'u').test(text) : text.includes(word)

  test('any words of a link find it and all others with them, in either order', async () => {
    const searches = fc.integer({ min: 0, max: TOTAL - 1 }).chain((at) => {
      const { text } = texts[at]!
      const part = fc.tuple(fc.nat(text.length - 1), fc.integer({ min: 1, max: 12 })).map(([from, length]) => {
        const word = text
          .slice(from, from + length)
          .trim()
          .split(' ')[0]!
        return word
      })
      return fc.array(part, { minLength: 1, maxLength: 4 })
    })
    await fc.assert(
      fc.asyncProperty(searches, fc.boolean(), async (parts, upper) => {
        const words = parts.filter((part) => /[\p{L}\p{N}]/u.test(part))
        fc.pre(words.length > 0)
        const q = encodeURIComponent(words.map((word) => (upper ? word.toUpperCase() : word)).join(' '))
        const expected = texts.filter(({ text }) => words.every((word) => has(text.toLowerCase(), word.toLowerCase())))
        const listed = await server.get(`/urls?per_page=20&q=${q}`)
        expect(listed.body.map(({ short_code }: { short_code: string }) => short_code)).toEqual(
          expected.slice(0, 20).map(({ code }) => code),
        )
        const count = Number(listed.headers.get('x-total-count'))
        expect(count).toBe(Math.min(10_000, expected.length))
        const ranked = await server.get(`/urls?sort=relevance&per_page=100&q=${q}`)
        const found = Number(ranked.headers.get('x-total-count'))
        if (ranked.headers.get('x-total-exact') === null) expect(found).toBe(expected.length)
        else expect(found).toBeLessThanOrEqual(expected.length)
        for (const { short_code } of ranked.body) expect(expected.map(({ code }) => code)).toContain(short_code)
      }),
      { seed, numRuns: 60 },
    )
  }, 120_000)

  test('an exact code and codes that begin alike come first, however many links match', async () => {
    for (const short_code of ['https-and-more', 'HTTPSecond', 'https']) {
      await server.post('/urls', { short_code, original_url: 'https://example.com/' })
      await server.database.run((sql) => sql`update urls set id = -id where short_code = ${short_code}`) // the oldest of all
    }
    const { body } = await server.get('/urls?sort=relevance&q=https&per_page=4')
    const codes = body.map(({ short_code }: { short_code: string }) => short_code)
    expect(codes.slice(0, 3)).toEqual(['https', 'HTTPSecond', 'https-and-more'])
    expect(codes).toHaveLength(4)
  })

  test('a tag narrows a search of frequent words, and another order sorts it', async () => {
    const { code } = texts[9]!
    await server.database.run((sql) => sql`update urls set tags = '{old}' where short_code = ${code}`)
    const ranked = await server.get('/urls?sort=relevance&q=https+www&tag=OLD')
    expect(ranked.body.map(({ short_code }: { short_code: string }) => short_code)).toEqual([code])
    expect([ranked.headers.get('x-total-count'), ranked.headers.get('x-total-exact')]).toEqual(['1', null])
    for (const q of ['https', 'погода', code])
      for (const sort of ['created', 'title', 'clicks']) {
        const { body } = await server.get(`/urls?sort=${sort}&q=${encodeURIComponent(q)}&tag=old`)
        const found = texts[9]!.text.toLowerCase().includes(q) ? [code] : []
        expect([q, sort, body.map(({ short_code }: { short_code: string }) => short_code)]).toEqual([q, sort, found])
      }
  })

  test('a search that too many links match says so', async () => {
    const { headers } = await server.get('/urls?sort=relevance&q=www')
    expect([headers.get('x-total-count'), headers.get('x-total-exact')]).toEqual(['5000', 'false'])
    const listed = await server.get('/urls?q=www')
    expect([listed.headers.get('x-total-count'), listed.headers.get('x-total-exact')]).toEqual(['10000', 'false'])
  })

  test.each(['spring', 'ab', 'at&t', 'c#', 'Погода', '東京', '新製品', 'x/yz', "o'neil", 'việt'])(
    'the index is asked for %s, and reads no other link',
    async (q) => {
      for (const piece of piecesOf(wordsOf(q))) {
        const [row] = await byIndex(
          server.database,
          (sql) => sql<{ 'QUERY PLAN': any }[]>`
            explain (analyze, format json) select id from ${narrowed(sql, { all: false, rare: [piece] }, {}, undefined, TOTAL)} u`,
        )
        const nodes = (node: any): any[] => [node, ...(node.Plans ?? []).flatMap(nodes)]
        const plan = nodes(row!['QUERY PLAN'][0].Plan)
        expect([piece, plan.some((node) => node['Index Name'] === 'urls_search')]).toEqual([piece, true])
        const read = plan.filter((node) => node['Node Type'] === 'Bitmap Index Scan').map((node) => node['Actual Rows'])
        expect([piece, Math.max(...read) < TOTAL / 2]).toEqual([piece, true])
      }
    },
  )

  test('a page that the index does not help to fill ends early, and the cursor leads on', async () => {
    await server.database.run(
      (sql) => sql`
        insert into urls (short_code, original_url, title)
        select 'more-' || n, 'https://more.invalid/' || n, case when n % 9000 = 0 then '🎉' end from generate_series(1, 30000) n`,
      60_000,
    )
    for (const order of ['asc', 'desc']) {
      const found: string[] = []
      let pages = 0
      for (let cursor: string | null = order === 'asc' ? '0' : '99999999'; cursor; pages++) {
        const { body, headers } = await server.get(`/urls?q=🎉&order=${order}&cursor=${cursor}`)
        found.push(...body.map(({ short_code }: { short_code: string }) => short_code))
        cursor = headers.get('x-next-cursor')
      }
      const all = ['more-9000', 'more-18000', 'more-27000']
      expect([pages > 2, found]).toEqual([true, order === 'asc' ? all : all.toReversed()])
    }
    const { body, headers } = await server.get('/urls?q=🎉&sort=relevance')
    expect([body.length, headers.get('x-total-exact')]).toEqual([2, 'false']) // among the newest 12,500
  })

  test('without the index, the newest links and codes are searched', async () => {
    await server.database.run((sql) => sql`drop index urls_search`)
    const { code } = texts[0]!
    const { body, headers } = await server.get(`/urls?sort=relevance&q=${code}`)
    expect([body[0].short_code, headers.get('x-total-exact')]).toEqual([code, 'false'])
    expect((await server.get(`/urls?q=${code}`)).body[0].short_code).toBe(code)
    expect((await server.get('/api/suggestions/links?q=mroe')).body).toEqual([{ q: 'more' }])
  })
})

describe.each(databases.filter(({ name }) => name === 'external'))(
  'a search that takes too long on the $name database',
  (kind) => {
    test('gets 503 with a sentence, and others go on', async () => {
      const server = await serveOn(kind)
      try {
        await server.post('/urls', { original_url: 'https://example.com/slow' })
        const held = Promise.withResolvers<void>()
        const locked = Promise.withResolvers<void>()
        const lock = server.database.transaction(async (sql) => {
          await sql`lock table urls in access exclusive mode`
          locked.resolve()
          await held.promise
        }, 60_000)
        await locked.promise
        const asked = ['/urls?q=slow', '/urls?q=slow&sort=relevance', '/api/suggestions/links?q=slow'].map((path) =>
          server.get(path),
        )
        for (const { status, body, headers } of await Promise.all(asked))
          expect([status, body.error, headers.get('retry-after')]).toEqual([
            503,
            expect.stringContaining('search took too long'),
            '1',
          ])
        expect((await server.get('/users')).status).toBe(200)
        held.resolve()
        await lock
        expect((await server.get('/urls?q=slow')).body).toHaveLength(1)
      } finally {
        await server.stop()
      }
    })
  },
)
