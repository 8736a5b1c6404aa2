// The documents say what is there: links and anchors lead somewhere, commands and settings exist, and every alert has its place in the runbook.
import { describe, expect, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { capacityPage } from '../../bench/pages/capacity.ts'
import { alertsPage } from '../../docs/generate.ts'
import { settings } from '../../src/config/settings.ts'
import { ALERTS } from '../../src/monitor/alerts/index.ts'

const root = join(import.meta.dir, '../..')
const read = (file: string) => readFileSync(join(root, file), 'utf8')
const pages = ['README.md', 'SECURITY.md', 'CONTRIBUTING.md', ...new Bun.Glob('{docs,deploy}/**/*.md').scanSync(root)].sort()
const texts = new Map(pages.map((page) => [page, read(page)]))

/** What is in capitals and no setting: the ending of one, an error of the driver, and what others read. */
const NO_SETTING = new Set(['NAME_FILE', 'CONNECT_TIMEOUT', 'HTTPS_PROXY', 'SO_REUSEPORT'])

const withoutCode = (text: string) => text.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '``')

/** The anchors that GitHub gives a page: its headings in lower case, without punctuation, blanks as hyphens. */
const anchorsOf = (text: string) =>
  [...text.replace(/^```[\s\S]*?^```/gm, '').matchAll(/^#{1,6} (.*)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )

test('every relative link leads to a file, and to a heading of it', () => {
  const broken: string[] = []
  let links = 0
  for (const [page, text] of texts)
    for (const [, to] of withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:|^\.\.\/\.\.\/actions\//.test(to!)) continue // the latter are pages of the repository's host
      links++
      const [path, anchor] = to!.split('#') as [string, string?]
      const file = path === '' ? page : relative(root, join(root, dirname(page), path))
      const there = existsSync(join(root, file))
      const anchored =
        anchor === undefined || (there && statSync(join(root, file)).isFile() && anchorsOf(read(file)).includes(anchor))
      if (!there || !anchored) broken.push(`${page}: ${to}`)
    }
  expect(broken).toEqual([])
  expect(links).toBeGreaterThan(50)
})

test('every page of docs/ can be reached from its index', () => {
  const index = texts.get('docs/README.md')!
  const named = pages.filter((page) => /^docs\/[^/]+\.md$/.test(page) && page !== 'docs/README.md')
  expect(named.filter((page) => !index.includes(`(${page.slice('docs/'.length)})`))).toEqual([])
})

test('docs/capacity.md is what bench/pages/capacity.ts makes of the last results', () => {
  const { machine, results } = JSON.parse(read('bench/results.json'))
  expect(texts.get('docs/capacity.md')).toBe(capacityPage(machine, results))
})

test('docs/alerts.md has the table of src/monitor/alerts (else run `bun docs/generate.ts`)', () => {
  const page = texts.get('docs/alerts.md')!
  expect(alertsPage(page)).toBe(page)
  for (const { name } of ALERTS) expect(page).toContain(`| \`${name}\` `)
})

test('the pages that size PostgreSQL’s connections agree', () => {
  const said = [...texts]
    .filter(([page]) => !page.includes('decisions/'))
    .flatMap(([page, text]) => [...text.matchAll(/DATABASE_POOL`?(?: \(10\))? \+ (\d+)/g)].map(([, more]) => ({ page, more })))
  expect(said.map(({ page }) => page).sort()).toEqual(['docs/capacity.md', 'docs/kubernetes.md', 'docs/runbook.md'])
  expect(new Set(said.map(({ more }) => more))).toEqual(new Set(['5']))
})

describe('workflows', () => {
  const folder = join(root, '.github/workflows')
  const files = readdirSync(folder)
  type Job = { needs?: string | string[]; uses?: string; name?: string; strategy?: { matrix: Record<string, unknown[]> } }
  const jobsOf = (file: string) => (Bun.YAML.parse(read(`.github/workflows/${file}`)) as { jobs: Record<string, Job> }).jobs

  test('each has a row in docs/ci-cd.md, and each row a workflow', () => {
    const rows = [...texts.get('docs/ci-cd.md')!.matchAll(/^\| `\.github\/workflows\/(\S+)`/gm)].map(([, file]) => file!)
    expect(rows.sort()).toEqual(files.sort())
  })

  test('the checks that main requires are the jobs of test.yml', () => {
    const names = Object.entries(jobsOf('test.yml')).flatMap(([id, { name = id, strategy }]) =>
      (strategy?.matrix.version ?? ['']).map((version) => name.replace(/\$\{\{ matrix\.version \}\}/, String(version))),
    )
    const { rules } = JSON.parse(read('.github/rulesets/main.json')) as { rules: { type: string; parameters?: any }[] }
    const { parameters } = rules.find(({ type }) => type === 'required_status_checks')!
    expect(parameters.required_status_checks.map(({ context }: { context: string }) => context)).toEqual(names)
  })

  test('a release is tested, built, published and deployed in this order', () => {
    const jobs = jobsOf('release.yml')
    expect(Object.fromEntries(Object.entries(jobs).map(([id, { needs = [] }]) => [id, needs]))).toEqual({
      test: [],
      image: 'test',
      build: 'test',
      publish: 'build',
      deploy: 'publish',
    })
    for (const { uses } of Object.values(jobs)) if (uses) expect(read(uses)).toMatch(/^ {2}workflow_call:/m)
  })
})

describe('what the pages name exists', () => {
  const source = read('src/commands/index.ts')
  const commands = [...source.matchAll(/(?:command|opening)\(\s*'(\w+)/g)].map(([, name]) => name!)
  const everywhere = (pattern: RegExp) =>
    [...texts].flatMap(([page, text]) => [...text.matchAll(pattern)].map(([, name]) => ({ page, name: name! })))

  test('commands', () => {
    expect(commands).toContain('drain')
    const said = everywhere(/(?:`|\.\/|^|-- )waypost ([a-z]+)\b/gm)
    expect(said.length).toBeGreaterThan(10)
    expect(said.filter(({ name }) => !commands.includes(name))).toEqual([])
  })

  test('settings', () => {
    const said = everywhere(/`([A-Z]+_[A-Z_]+)(?:=[^`]*)?`/g)
    expect(said.length).toBeGreaterThan(50)
    const set = new Bun.Glob('{deploy,.github,test}/**').scanSync({ cwd: root, dot: true })
    const elsewhere = [...set, 'docker-compose.yml', 'Dockerfile'].map(read).join('\n') // make-env's, a workflow's, a test's
    const unknown = said.filter(({ name }) => !(name in settings) && !(name.replace(/_FILE$/, '') in settings))
    expect(unknown.filter(({ name }) => !NO_SETTING.has(name) && !new RegExp(`\\b${name}\\b`).test(elsewhere))).toEqual([])
  })

  test('files of this repository', () => {
    const said = everywhere(/`((?:src|test|sql|deploy|\.ci|\.github|bench)\/[\w./-]*[\w/])`/g)
    expect(said.length).toBeGreaterThan(50)
    expect(said.filter(({ name }) => !existsSync(join(root, name)))).toEqual([])
  })

  test('metrics', () => {
    const exposed = new Set(
      [...new Bun.Glob('src/**/*.ts').scanSync(root)].flatMap((file) =>
        [...read(file).matchAll(/\bexpose\(\s*'(\w+)'/g)].map(([, name]) => `waypost_${name}`),
      ),
    )
    expect(exposed.size).toBeGreaterThan(20)
    const said = everywhere(/\b(waypost_[a-z]+_[a-z_]*[a-z])\b/g).filter(
      ({ page }) => page.startsWith('docs/') && page !== 'docs/observability.md',
    )
    expect(said.length).toBeGreaterThan(10)
    expect(said.filter(({ name }) => !exposed.has(name.replace(/_(sum|count|bucket)$/, '')))).toEqual([])
  })
})

test('every alert has a place in the runbook, whose anchor is its name', () => {
  const anchors = anchorsOf(texts.get('docs/runbook.md')!)
  const builtIn = ALERTS.map(({ name }): string => name)
  const rules = [...new Bun.Glob('deploy/prometheus/**/*.yml').scanSync(root)].flatMap((file) =>
    [...read(file).matchAll(/^\s*- alert: (\w+)/gm)].map(([, name]) => name!.toLowerCase()),
  )
  expect(builtIn).toContain('clicks_dropped')
  for (const name of builtIn) expect(texts.get('docs/runbook.md')).toContain(`[${name}](#${name})`)
  expect([...new Set([...builtIn, ...rules])].filter((name) => !anchors.includes(name))).toEqual([])
  for (const anchor of anchors) expect(anchors.filter((one) => one === anchor)).toHaveLength(1)
})
