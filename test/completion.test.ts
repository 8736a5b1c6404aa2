// The completion of commands and flags, in the shells themselves.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runCommand } from './child.ts'
import { temporaryFolder } from './scratch.ts'
import { onTerminal } from './terminal.ts'
import { until } from './until.ts'

const folder = temporaryFolder()
const env = { PATH: process.env.PATH!, HOME: folder, TERM: 'dumb' }
const script = (shell: string) => join(folder, `completion.${shell}`)
for (const name of ['one file.txt', 'other.txt']) writeFileSync(join(folder, name), '')

const SHELLS = ['bash', 'zsh', 'fish']
const installed = SHELLS.filter((shell) => Bun.which(shell))
for (const shell of SHELLS) if (!installed.includes(shell)) console.warn(`SKIPPED: completion in ${shell} (it is not installed)`)

beforeAll(async () => {
  for (const shell of SHELLS) {
    const { code, out } = await runCommand(['completion', shell])
    expect([shell, code]).toEqual([shell, 0])
    writeFileSync(script(shell), out)
  }
})

/** What is offered for the last of the words. */
const LINES: [words: string[], offers: string[]][] = [
  [['li'], ['link']],
  [
    ['link', ''],
    ['add', 'get', 'list', 'open', 'qr', 'rm', 'set'],
  ],
  [['link', 'add', '--ti'], ['--title']],
  [['link', 'add', '--title', 'set', '--is-a'], ['--is-active']],
  [
    ['link', 'set', '--is-active', ''],
    ['false', 'true'],
  ],
  [['link', 'list', '--l'], ['--limit']],
  [['key', 'create', '--scope', 'w'], ['write']],
  [['key', 'create', '--init'], ['--init-empty']],
  [
    ['completion', ''],
    ['bash', 'fish', 'zsh'],
  ],
  [['--data-d'], ['--data-dir']],
  [['serve', '--data-d'], ['--data-dir']],
  [['backup', 'oth'], ['other.txt']],
  [['serve', '--env-file', 'one'], ['one file.txt']],
  [['link', 'qr', 'abc', 'oth'], ['other.txt']],
  [['link', 'get', 'oth'], []],
  [['link', 'list', '--search', 'oth'], []],
]

function outputOf(command: string[]): string[] {
  const { stdout, stderr } = Bun.spawnSync(command, { env, cwd: folder })
  expect(String(stderr)).toBe('')
  return String(stdout).split('\n').filter(Boolean).sort()
}

describe.skipIf(!installed.includes('bash'))('bash', () => {
  const ask = `source ${script('bash')}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _waypost; printf '%s\\n' "\${COMPREPLY[@]}"`
  test.each(LINES)('%j is completed to %j', (words, offers) => {
    expect(outputOf(['bash', '--norc', '-c', ask, 'bash', 'waypost', ...words])).toEqual(offers)
  })
})

describe.skipIf(!installed.includes('fish'))('fish', () => {
  test.each(LINES)('%j is completed to %j', (words, offers) => {
    const line = ['waypost', ...words].join(' ')
    const found = outputOf(['fish', '--no-config', '-c', `source ${script('fish')}; complete -C '${line}'`])
    expect(found.map((offer) => offer.split('\t')[0]!.replaceAll('\\', ''))).toEqual(offers)
  })
})

describe.skipIf(!installed.includes('zsh'))('zsh', () => {
  let shell: ReturnType<typeof onTerminal>
  beforeAll(async () => {
    shell = onTerminal(['zsh', '-f', '-i'], env, folder)
    shell.type(`PS1='> '; unsetopt zle_bracketed_paste auto_menu; setopt list_ambiguous\n`)
    shell.type(`autoload -Uz compinit; compinit -D; source ${script('zsh')}; echo re''ady\n`)
    await until('zsh is ready', () => shell.shown().includes('\nready\n'))
  })
  afterAll(() => shell.end())

  // A single offer is filled in, several are listed below.
  test.each(LINES)('%j is completed to %j', async (words, offers) => {
    const before = shell.shown().length
    shell.type(`waypost ${words.join(' ')}\t${offers.length > 1 ? '\t' : ''}`)
    const [only] = offers
    const expected = offers.length === 1 ? [only!.replaceAll(' ', '\\ ').slice(words.at(-1)!.length)] : offers
    await until('it is offered', () => expected.every((offer) => shell.shown().slice(before).includes(offer)))
    shell.type('\u0015echo do""ne\n')
    await until('the line is cleared', () => shell.shown().slice(before).includes('\ndone\n'))
    const [typed = ''] = shell.shown().slice(before).split('echo do')
    for (const other of ['other.txt', 'one file']) if (offers.length === 0) expect(typed).not.toContain(other)
  })
})
