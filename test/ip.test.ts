// Addresses as sockets, proxies, settings and people write them: how each is read, and what of it is kept.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { limitedAddress } from '../src/access/limits/client.ts'
import { addressIn, isLinkLocal, isLoopback, isPrivateAddress, leadsHere, networkOf } from '../src/base/ip.ts'
import { entryOf } from '../src/http/forwarded.ts'
import { databases } from './databases.ts'
import { printedSeed } from './seed.ts'
import { serveOn, type TestServer, UNLIMITED } from './server.ts'
import { exchange } from './wire.ts'

const NO_ADDRESS = [
  ...[
    '',
    ' ',
    '-',
    'unknown',
    '_hidden',
    '"_SEVKISEK"',
    'nonsense',
    'a.b',
    'localhost',
    'client.example',
    '203.0.113',
    '1.2.3.4.5',
  ],
  ...[
    '203.0.113.77:',
    '203.0.113.77:port',
    '203.0.113.77:123456',
    '203.0.113.77/24',
    '203.0.113.77 x',
    '203.0.113.256',
    '203.0.113.77.',
  ],
  ...['010.0.0.1', '203.0.113.077', '0x7f.0.0.1', '0177.0.0.1', '2130706433', '127.1', '١٢٧.٠.٠.١'],
  ...[
    '2001:db8::1::2',
    '[2001:db8::1',
    '2001:db8::1]',
    '[203.0.113.77]',
    '12345::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    ':',
    ':::',
  ],
  ...['::ffff:010.0.0.1', '::ffff:203.0.113.256', '2001:db8::g', '[]:443', '203.0.113.77,', 'for=203.0.113.77'],
]

describe('an address', () => {
  test.each([
    ['203.0.113.77', '203.0.113.77', '203.0.113.0'],
    [' 203.0.113.77\t', '203.0.113.77', '203.0.113.0'],
    ['0.0.0.0', '0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255', '255.255.255.0'],
    ['203.0.113.77:51234', '203.0.113.77', '203.0.113.0'],
    ['203.0.113.77:0', '203.0.113.77', '203.0.113.0'],
    ['"203.0.113.77:51234"', '203.0.113.77', '203.0.113.0'],
    ['203.0.113.77:_port', '203.0.113.77', '203.0.113.0'],
    ['::ffff:203.0.113.77', '203.0.113.77', '203.0.113.0'],
    ['::FFFF:203.0.113.77', '203.0.113.77', '203.0.113.0'],
    ['::ffff:203.0.113.77:51234', '203.0.113.77', '203.0.113.0'],
    ['[::ffff:203.0.113.77]:51234', '203.0.113.77', '203.0.113.0'],
    ['::ffff:cb00:714d', '203.0.113.77', '203.0.113.0'],
    ['0:0:0:0:0:ffff:203.0.113.77', '203.0.113.77', '203.0.113.0'],
    ['2001:db8:1234:5678:9abc::1', '2001:db8:1234:5678:9abc::1', '2001:db8:1234::'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1', '2001:db8:0::'],
    ['2001:0db8::0001', '2001:db8::1', '2001:db8:0::'],
    ['[2001:db8:1:2::9]', '2001:db8:1:2::9', '2001:db8:1::'],
    ['[2001:db8:1:2::9]:443', '2001:db8:1:2::9', '2001:db8:1::'],
    ['"[2001:db8:1:2::9]:443"', '2001:db8:1:2::9', '2001:db8:1::'],
    ['"[2001:db8:1:2::9]:_obf"', '2001:db8:1:2::9', '2001:db8:1::'],
    ['::1', '::1', '0:0:0::'],
    ['::', '::', '0:0:0::'],
    ['1::', '1::', '1:0:0::'],
    ['fe80::1%eth0', 'fe80::1', 'fe80:0:0::'],
    ['[fe80::1%25eth0]:80', 'fe80::1', 'fe80:0:0::'],
    ['64:ff9b::203.0.113.77', '64:ff9b::cb00:714d', '64:ff9b:0::'],
  ])('%p is %s, of the network %s', (text, address, network) => {
    expect([addressIn(text), networkOf(text)]).toEqual([address, network])
  })

  test.each(NO_ADDRESS)('%p is no address', (text) => {
    expect([addressIn(text), networkOf(text), limitedAddress(text)]).toEqual(['', '', 'unknown'])
    expect([isLoopback(text), isPrivateAddress(text), leadsHere(text)]).toEqual([text === 'localhost', false, false])
  })

  test('of any spelling has the network that the library finds', () => {
    const group = fc.integer({ min: 0, max: 0x1ffff }).map((word) => word.toString(16))
    const six = fc.array(fc.oneof(group, fc.constant('')), { minLength: 2, maxLength: 10 }).map((groups) => groups.join(':'))
    const four = fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 3, maxLength: 5 }).map((bytes) => bytes.join('.'))
    fc.assert(
      fc.property(fc.oneof(six, fc.ipV6(), four, fc.ipV4()), (text) => {
        const valid = ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text)
        const ip = valid ? ipaddr.process(text) : undefined
        const expected = !ip
          ? ''
          : 'parts' in ip
            ? `${ip.parts
                .slice(0, 3)
                .map((part) => part.toString(16))
                .join(':')}::`
            : `${ip.octets.slice(0, 3).join('.')}.0`
        expect(networkOf(text)).toBe(expected)
      }),
      { numRuns: 5_000, seed: printedSeed('ip') },
    )
  })
})

test.each([
  ['127.0.0.1', true],
  ['127.8.9.10', true],
  ['127.0.0.1:8080', true],
  ['::1', true],
  ['[::1]:8080', true],
  ['[::ffff:127.0.0.1]', true],
  ['localhost', true],
  ['LOCALHOST:8080', true],
  ['localhost.', true],
  ['0.0.0.0', false],
  ['10.0.0.5', false],
  ['localhost.example.com', false],
  ['127.0.0.1.example.com', false],
  ['::2', false],
])('%s is this machine: %p', (host, loopback) => expect(isLoopback(host)).toBe(loopback))

test.each([
  ['fe80::1', true],
  ['169.254.1.1', true],
  ['10.0.0.1', false],
  ['2001:db8::1', false],
])('%s is of one cable only: %p', (address, expected) => expect(isLinkLocal(address)).toBe(expected))

test.each([
  ['1', 0, '1'],
  ['1, 2 ,3', 0, '1'],
  ['1, 2 ,3', 1, '3'],
  ['1, 2 ,3', 2, '2'],
  ['1, 2 ,3', 9, '1'],
  ['', 1, ''],
  ['1,', 1, ''],
])('of %p behind %d proxies %p counts', (list, hops, entry) => expect(entryOf(list, hops)).toBe(entry))

describe.each([
  { kept: 'network', four: '203.0.113.0', six: '2001:db8:1::' },
  { kept: 'full', four: '203.0.113.77', six: '2001:db8:1:2::9' },
  { kept: 'none', four: undefined, six: undefined },
])('with VISITOR_ADDRESS=$kept', ({ kept, four, six }) => {
  let server: TestServer
  beforeAll(async () => {
    server = await serveOn(databases.at(-1)!, { AUTH: 'off', TRUSTED_PROXIES: '1', VISITOR_ADDRESS: kept, ...UNLIMITED })
  })
  afterAll(() => server.stop())

  test.each([
    ['X-Forwarded-For: 203.0.113.77', four],
    ['X-Forwarded-For: 203.0.113.77:51234', four],
    ['X-Forwarded-For: 198.51.100.1, 203.0.113.77:51234', four],
    ['X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-For: 203.0.113.77', four],
    ['X-Forwarded-For: "[2001:db8:1:2::9]:443"', six],
    ['X-Forwarded-For: 2001:db8:1:2::9%eth0', six],
    ['Forwarded: for=203.0.113.77:51234;proto=https', four],
    ['Forwarded: for=198.51.100.1, proto=https;For="[2001:db8:1:2::9]:443";by=_x', six],
    ['X-Forwarded-For: 203.0.113.77\r\nForwarded: for=198.51.100.1', four],
    ['X-Forwarded-For: unknown', undefined],
    ['X-Forwarded-For: 203.0.113.77, _hidden', undefined],
    ['X-Forwarded-For: 203.0.113.77:port', undefined],
    ['Forwarded: for=unknown', undefined],
  ])('behind a proxy that writes %j, %p is kept', async (header, address) => {
    const { id, short_code } = (await server.post('/urls', { original_url: 'https://example.com/' })).body
    const answer = await exchange(server.config.PORT, `GET /${short_code} HTTP/1.1\r\nHost: localhost\r\n${header}\r\n\r\n`)
    expect(answer.status).toBe(302)
    const { body } = await server.settled(`/events?url_id=${id}&event_type=click`)
    expect(body).toMatchObject([{ event_type: 'click' }])
    expect(body[0].details.address || undefined).toBe(address)
    expect(JSON.stringify(body)).not.toContain('51234')
  })
})
