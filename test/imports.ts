// The import graph of src/ and of console/ by folder: `bun test/imports.ts` prints nodes, arrows, and every cycle or arrow that points down.
import { readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'

/** Folders of src/ from the bottom to the top: a file imports from its own folder and from those before it. CONTRIBUTING.md says what each is for. */
export const FLOORS = [
  ...['base', 'config', 'telemetry', 'slot', 'journal', 'database', 'http', 'access', 'clicks', 'fleet', 'events', 'blocklist'],
  ...['redirect', 'links', 'tags', 'users', 'import', 'chaos', 'monitor', 'logs', 'processes', 'server', 'commands', 'main.ts'],
]

/** Folders of console/ in the same order; those of kit/ are floors of their own. style/ has no code. */
export const CONSOLE_FLOORS = [
  ...['kit/browser', 'kit/server', 'kit/parts'],
  ...['about', 'alerts', 'blocklist', 'chaos', 'config', 'events', 'keys', 'links', 'link', 'logs', 'overview', 'tags', 'users'],
  ...['shell', 'main.tsx', 'streams-worker.ts', 'docs'],
]

/** One import between two folders: the files, below `root`. */
export type Import = { from: string; to: string }

const SPECIFIER = /(?:from\s+|import\s*\(\s*|import\s+|new URL\(\s*)['"](\.{1,2}\/[^'"]+)['"]/g

/** `links` of `links/store.ts`, `main.ts` of `main.ts`, `kit/parts` of `kit/parts/table.tsx`. */
export const folderOf = (file: string) => /^(kit\/)?[^/]+/.exec(file)![0]

/** The files of `root`, and the imports, types included, that leave their folder but not `root`. */
export function importsIn(root: string): { files: string[]; imports: Import[] } {
  const files = [...new Bun.Glob('**/*.{ts,tsx}').scanSync({ cwd: root })].sort()
  const imports = files.flatMap((from) =>
    [...readFileSync(join(root, from), 'utf8').matchAll(SPECIFIER)]
      .map(([, specifier]) => ({ from, to: normalize(join(dirname(from), specifier!)) }))
      .filter(({ to }) => !to.startsWith('..') && folderOf(to) !== folderOf(from)),
  )
  return { files, imports }
}

/** The imports that point up, from a folder to one that stands later in `floors`, and those from or to a folder that is not in it. */
export function upwards(imports: Import[], floors: string[]): Import[] {
  return imports.filter(({ from, to }) => {
    const [low, high] = [floors.indexOf(folderOf(to)), floors.indexOf(folderOf(from))]
    return low < 0 || high < 0 || low > high
  })
}

/** Sets of folders that import one another, each sorted: Tarjan, SIAM J. Comput. 1 (1972). Folders in no cycle are left out. */
export function cyclesOf(imports: Import[]): string[][] {
  const next = new Map<string, Set<string>>()
  for (const { from, to } of imports) next.set(folderOf(from), (next.get(folderOf(from)) ?? new Set()).add(folderOf(to)))
  const index = new Map<string, number>()
  const lowest = new Map<string, number>()
  const stack: string[] = []
  const cycles: string[][] = []
  const visit = (node: string) => {
    index.set(node, index.size)
    lowest.set(node, index.get(node)!)
    stack.push(node)
    for (const other of next.get(node) ?? []) {
      if (!index.has(other)) visit(other)
      if (stack.includes(other)) lowest.set(node, Math.min(lowest.get(node)!, lowest.get(other)!))
    }
    if (lowest.get(node) !== index.get(node)) return
    const group = stack.splice(stack.indexOf(node))
    if (group.length > 1) cycles.push(group.sort())
  }
  for (const node of next.keys()) if (!index.has(node)) visit(node)
  return cycles
}

if (import.meta.main) {
  const root = join(import.meta.dir, '..', process.argv[2] ?? 'src')
  const { files, imports } = importsIn(root)
  const arrows = new Set(imports.map(({ from, to }) => `${folderOf(from)} -> ${folderOf(to)}`))
  const cycles = cyclesOf(imports)
  console.log(`${files.length} files, ${new Set(files.map(folderOf)).size} nodes, ${arrows.size} arrows, ${cycles.length} cycles`)
  for (const cycle of cycles) console.log(`cycle of ${cycle.length}: ${cycle.join(', ')}`)
}
