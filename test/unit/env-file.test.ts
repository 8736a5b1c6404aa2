// Files of settings, as systemd reads them, and files of one secret: what is a value's stays the value's.
import { describe, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readConfig, readEnvFile } from '../../src/config/config.ts'
import { readEnvironment } from '../../src/config/env-file.ts'
import { runCommand } from '../child.ts'
import { temporaryFolder } from '../scratch.ts'

function file(content: string | Uint8Array): string {
  const path = join(temporaryFolder(), 'file')
  writeFileSync(path, content)
  return path
}

describe('a file of settings', () => {
  test.each<[string, string, Record<string, string>]>([
    ['a # is part of a value', 'A=pg#secret\nB=#x\nC=a # b\n', { A: 'pg#secret', B: '#x', C: 'a # b' }],
    ['a line of a comment begins with # or ;', '# A=1\n ; B=2\nC=3', { C: '3' }],
    ['blanks around name and value go', '  A =  a b \t\nB=\n', { A: 'a b', B: '' }],
    ['quotes go, and keep blanks', `A=' a '\nB=" b "\nC="it's"\nD='say "x"'`, { A: ' a ', B: ' b ', C: "it's", D: 'say "x"' }],
    ['quotes within a value stay', `A=it's\nB=5" disk\nC=x"y"`, { A: "it's", B: '5" disk', C: 'x"y"' }],
    ['quotes may go over lines', `A="a\nb"\nB='c\nd'\nC=1`, { A: 'a\nb', B: 'c\nd', C: '1' }],
    ['in double quotes a backslash takes " \\ ` $', String.raw`A="a\"b\\c\$d\e"`, { A: String.raw`a"b\c$d\e` }],
    ['in single quotes it is a backslash', String.raw`A='a\"b\\'`, { A: String.raw`a\"b\\` }],
    ['outside it takes any character', `${String.raw`A=a\\b\ c`}\\ \n`, { A: String.raw`a\b c ` }],
    ['and goes on in the next line', 'A=a\\\nb\nB="c\\\r\nd"\nC=3', { A: 'ab', B: 'cd', C: '3' }],
    ['$ is not expanded', `A=$HOME\nB="\${HOME}"\nC='$(id)'\nD=%h`, { A: '$HOME', B: `\${HOME}`, C: '$(id)', D: '%h' }],
    ['an = in a value stays', 'A=b=c==', { A: 'b=c==' }],
    ['lines may end as on Windows', 'A=1\r\nB="2"\r\n\r\nC=3', { A: '1', B: '2', C: '3' }],
    ['export is passed over', 'export A=1\nexport  B="2"', { A: '1', B: '2' }],
    ['a name alone says nothing', 'A\nB=1', { B: '1' }],
    ['the last one counts', 'A=1\nA=2', { A: '2' }],
    ['an empty file', '', {}],
  ])('%s', (_, text, expected) => {
    expect({ ...readEnvironment(text) }).toEqual(expected)
  })

  test.each([
    ['PORT 8080', 'line 1: must be NAME=value'],
    ['A=1\n\n=2', 'line 3: must be NAME=value'],
    ['A=1\n2B=3', 'line 2: must be NAME=value'],
    ['A="x\nB=1', 'line 1: the quote " is not closed'],
    [`# x\nA='x`, "line 2: the quote ' is not closed"],
    ['A="x" # y', 'line 1: there is text after the closing quote of A: put a comment on a separate line'],
    ['A="x"y', 'line 1: there is text after the closing quote of A'],
  ])('%j stops the start with the line', (text, said) => {
    const path = file(text)
    expect(() => readEnvFile(path)).toThrow(`--env-file ${path}, ${said}`)
  })

  test('may begin with a byte order mark, and must be in UTF-8', () => {
    expect(readEnvFile(file('\ufeffA=ä'))).toEqual({ A: 'ä' })
    const other = file(Buffer.from('\ufeffA=1', 'utf16le'))
    expect(() => readEnvFile(other)).toThrow(`--env-file names a file that is not in UTF-8: ${other}`)
  })

  test('gives the same to every command, a password with # too', async () => {
    const path = file("DATABASE_URL=postgres://u:p#1 ' x@127.0.0.1:9/n\nADMIN_TOKEN=a#token of the operator\nLOG_LEVEL=Warning\n")
    const { out } = await runCommand(['config', '--env-file', path])
    expect(out).toMatch(/^LOG_LEVEL +warn +env-file$/m)
    expect(out).toMatch(/^ADMIN_TOKEN +\(set, not shown\) +env-file$/m)
    expect(readConfig({}, {}, readEnvFile(path))).toMatchObject({
      DATABASE_URL: "postgres://u:p#1 ' x@127.0.0.1:9/n",
      ADMIN_TOKEN: 'a#token of the operator',
    })
  })
})

describe('a file of one secret', () => {
  test.each([
    ['a-token-of-16-chars\n', 'a-token-of-16-chars'],
    ['a-token-of-16-chars\r\n', 'a-token-of-16-chars'],
    ['\ufeffa-token#of-16-chars\n\n', 'a-token#of-16-chars'],
    [' a token "of" 16 $chars ', ' a token "of" 16 $chars '],
  ])('%j is %j, by NAME_FILE and as a credential', (content, expected) => {
    const path = file(content)
    expect(readConfig({}, { ADMIN_TOKEN_FILE: path }).ADMIN_TOKEN).toBe(expected)
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'ADMIN_TOKEN'), content)
    expect(readConfig({}, { CREDENTIALS_DIRECTORY: folder }).ADMIN_TOKEN).toBe(expected)
  })

  test('that cannot be read is named with its cause', () => {
    expect(() => readConfig({}, { ADMIN_TOKEN_FILE: '/nothing/here' })).toThrow(
      'ADMIN_TOKEN_FILE names a file that cannot be read: /nothing/here (it does not exist, ENOENT)',
    )
    expect(() => readConfig({}, { ADMIN_TOKEN_FILE: '/' })).toThrow(
      'ADMIN_TOKEN_FILE names a file that cannot be read: / (it is a folder',
    )
  })
})
