// Answers with long headers behind a real nginx: with its own buffers, and with the line of docs/nginx.md.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { nginxProgram } from '../deploy/cluster/nginx.ts'
import { anyDatabase } from './databases.ts'
import { freePort } from './postgres.ts'
import { temporaryFolder } from './scratch.ts'
import { serveOn, type TestServer, UNLIMITED } from './server.ts'

const program = nginxProgram()
if (!program) console.warn('SKIPPED: long headers behind nginx (it is not installed)')

const DOCS = readFileSync(join(import.meta.dir, '../docs/nginx.md'), 'utf8')
const LINE = /```nginx\n(proxy_buffer_size .*)\n```/.exec(DOCS)?.[1]
const BASE = 'https://example.com/'

describe.skipIf(!program)('behind nginx', () => {
  let server: TestServer
  const running: Bun.Subprocess[] = []
  const codes: Record<number, string> = {}
  let asItIs: string
  let asDocumented: string

  beforeAll(async () => {
    server = await serveOn(anyDatabase, { AUTH: 'off', TRUSTED_PROXIES: '1', ...UNLIMITED })
    for (const length of [3_500, 3_957, 4_096])
      codes[length] = (await server.post('/urls', { original_url: BASE.padEnd(length, 'x') })).body.short_code
    asItIs = await nginxWith('')
    asDocumented = await nginxWith(LINE!)
  })
  afterAll(async () => {
    for (const nginx of running) nginx.kill()
    await Promise.all(running.map(({ exited }) => exited))
    await server.stop()
  })

  async function nginxWith(line: string): Promise<string> {
    const folder = temporaryFolder()
    const port = await freePort()
    const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((name) => `${name}_temp_path ${folder}/${name};`)
      .join(' ')
    writeFileSync(
      join(folder, 'nginx.conf'),
      `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log; events {}
      http { access_log off; ${paths}
        server { listen 127.0.0.1:${port}; ${line} location / { proxy_pass http://127.0.0.1:${server.config.PORT}; } } }`,
    )
    running.push(Bun.spawn([program!, '-p', folder, '-c', join(folder, 'nginx.conf')], { stdio: ['ignore', 'ignore', 'ignore'] }))
    const base = `http://127.0.0.1:${port}`
    for (;;) {
      const answer = await fetch(`${base}/health`).catch(() => undefined)
      if (answer?.ok) return base
      await Bun.sleep(50)
    }
  }

  const ask = async (base: string, path: string) => {
    const { status, headers } = await fetch(base + path, { redirect: 'manual' })
    return { status, location: headers.get('location')?.length, link: headers.has('link') }
  }

  test('as it is, targets pass as far as the docs say', async () => {
    expect(await ask(asItIs, `/${codes[3_957]}`)).toMatchObject({ status: 302, location: 3_957 })
    expect(await ask(asItIs, `/urls/${codes[3_500]}/redirect`)).toMatchObject({ status: 302, location: 3_500 })
    expect(await ask(asItIs, `/${codes[4_096]}`)).toMatchObject({ status: 502 })
  })

  test('with the line of the docs, all targets pass, by every way', async () => {
    for (const path of [`/${codes[4_096]}`, `/${codes[4_096]}.`, `/urls/${codes[4_096]}`, `/urls/${codes[4_096]}/redirect`])
      expect(await ask(asDocumented, path)).toMatchObject({ status: 302, location: 4_096 })
  })

  test('lists pass with any search, with and without the line', async () => {
    for (const base of [asItIs, asDocumented]) {
      for (const q of ['x'.repeat(500), '語'.repeat(500), '語'.repeat(50)])
        expect(await ask(base, `/urls?per_page=1&q=${encodeURIComponent(q)}`)).toMatchObject({ status: 200 })
      expect(await ask(base, '/urls?per_page=1&q=example')).toMatchObject({ status: 200, link: true })
    }
  })
})
