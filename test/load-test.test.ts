import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readAnswer } from '../bench/users/answer.ts'
import { openConnection } from '../bench/users/connection.ts'
import { percentiles } from '../bench/users/tally.ts'
import { databases } from './databases.ts'
import { serveOn, type TestServer } from './server.ts'

const run = join(import.meta.dir, '../bench/run.ts')
const folder = mkdtempSync(join(tmpdir(), 'waypost-load-'))

/** `bun run bench load …`, in a folder of its own. */
async function bench(...args: string[]) {
  const child = Bun.spawn([process.execPath, '--no-env-file', run, 'load', ...args], {
    cwd: folder,
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [code, out, err] = await Promise.all([child.exited, new Response(child.stdout).text(), new Response(child.stderr).text()])
  return { code, out, err }
}

let waypost: TestServer
const TOKEN = 'a-token-for-the-load-test'

beforeAll(async () => {
  waypost = await serveOn(databases.at(-1)!, { ADMIN_TOKEN: TOKEN })
})
afterAll(async () => {
  await waypost.stop()
  rmSync(folder, { recursive: true })
})

describe('a load test of a service', () => {
  test('reports rates, latencies and no error, and leaves links that are found again', async () => {
    const { code, out, err } = await bench('--url', waypost.base, '--users', '8', '--seconds', '2', '--token', TOKEN)
    expect(err).toBe('')
    expect(code).toBe(0)
    const report = await Bun.file(join(folder, 'load-report.md')).text()
    expect(out).toContain(report.split('\n').find((line) => line.startsWith('| 8 users'))!)
    for (const kind of ['health', 'shorten', 'list', 'redirect'])
      expect(report).toMatch(new RegExp(`– ${kind} \\|.*\\| [1-9]\\d* \\| 0 \\|`))
    expect(await Bun.file(join(folder, 'load-report.svg')).text()).toContain('<polyline')
    const made = Number(/leaves (\d+) links/.exec(report)![1])
    const { headers } = await waypost.get('/urls?q=load+test&per_page=1')
    expect(Number(headers.get('x-total-count'))).toBe(made)
  })

  test('says by status what failed, and ends with 1', async () => {
    let asked = 0
    const broken = Bun.serve({
      port: 0,
      fetch(request) {
        const path = new URL(request.url).pathname
        if (path === '/shorten') return Response.json({ short_code: `c${++asked}` }, { status: 201 })
        if (path === '/urls') return new Response(null, { status: 503 })
        if (path === '/health') return Response.json({ status: 'ok' })
        return new Response(null, { status: 302, headers: { location: 'https://elsewhere.example/' } })
      },
    })
    const { code, out } = await bench('--url', broken.url.origin, '--users', '20', '--seconds', '1')
    await broken.stop(true)
    expect(code).toBe(1)
    expect(out).toMatch(/no request failed: NO \(.*list: 503, \d+ times/)
    expect(out).toMatch(/redirect: wrong target, \d+ times/)
  })

  test.each([
    [[], /--url is missing/],
    [['--url', 'go.example.com'], /--url must begin with http/],
    [['--url', 'http://127.0.0.1:1/a/path'], /--url must be a scheme, a host and a port/],
    [['--url', 'http://127.0.0.1:1'], /--url: http:\/\/127.0.0.1:1 cannot be reached/],
    [['--users', '0'], /--users must be a whole number from 1 to 2000, not 0/],
    [['--seconds', '1e9'], /--seconds must be a whole number from 1 to 600, not 1e9/],
    [['--speed', '9'], /--speed/],
    [['--token', 'two words'], /--token must be one word/],
  ] as [string[], RegExp][])('%p is refused', async (args, sentence) => {
    const url = args.includes('--url') || args.length === 0 ? [] : ['--url', waypost.base]
    const { code, err } = await bench(...(args.length === 0 ? ['--users', '5'] : args), ...url)
    expect(err.trim().split('\n')).toEqual([expect.stringMatching(sentence)])
    expect(code).toBe(2)
  })

  test('names the token, where it is missing or wrong', async () => {
    expect((await bench('--url', waypost.base)).err).toContain('--token is missing')
    expect((await bench('--url', waypost.base, '--token', 'another-token-altogether')).err).toContain(
      '--token: the service does not know it',
    )
  })

  test('lets nobody else’s service have the load', async () => {
    const other = Bun.serve({ port: 0, fetch: () => new Response('hello') })
    const { code, err } = await bench('--url', other.url.origin)
    await other.stop(true)
    expect(code).toBe(2)
    expect(err).toContain('not as Waypost does')
  })
})

describe('a user', () => {
  test('reads answers of a length, in chunks and without a body, however they are cut', () => {
    const answers = [
      ['HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello', { status: 200, close: true }, 'hello'],
      [
        'HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n',
        { status: 201, close: false },
        'hello',
      ],
      ['HTTP/1.1 302 Found\r\nlocation: https://a.example/?b\r\n\r\n', { status: 302, location: 'https://a.example/?b' }, ''],
    ] as const
    for (const [text, expected, body] of answers) {
      const whole = Buffer.from(text)
      for (let cut = 0; cut < whole.length; cut++) expect(readAnswer(whole.subarray(0, cut))).toBeUndefined()
      const answer = readAnswer(whole)!
      expect(answer).toMatchObject(expected)
      expect(answer.body.toString()).toBe(body)
    }
    expect(() => readAnswer(Buffer.from('220 smtp.example ready\r\n\r\n'))).toThrow('no HTTP answer')
  })

  test('counts a connection that breaks during a request as an error, and opens another for the next', async () => {
    let requests = 0
    const server = Bun.listen({
      hostname: '127.0.0.1',
      port: 0,
      socket: {
        data(socket) {
          if (++requests === 1) socket.terminate()
          else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
        },
      },
    })
    const connection = openConnection(new URL(`http://127.0.0.1:${server.port}`))
    expect(connection.ask('GET / HTTP/1.1\r\n\r\n')).rejects.toThrow(/^connection (closed|broken)$/)
    expect(await connection.ask('GET / HTTP/1.1\r\n\r\n')).toMatchObject({ status: 200 })
    expect(connection.opened()).toBe(2)
    server.stop(true)
    connection.close()
    expect(connection.ask('GET / HTTP/1.1\r\n\r\n')).rejects.toThrow('not connected')
  })

  test('percentiles are by nearest rank', () => {
    const hundred = Array.from({ length: 100 }, (_, i) => 100 - i)
    expect(percentiles(hundred)).toEqual({ p50: 50, p95: 95, p99: 99, worst: 100 })
    expect(percentiles([7])).toEqual({ p50: 7, p95: 7, p99: 7, worst: 7 })
  })
})
