// Writes the bill of materials of the executable, dist/waypost.cdx.json, in CycloneDX 1.6: `bun run sbom`. What is in it is asked of the
// bundler, so that a package that is installed and not compiled in is not named, nor one that is compiled in left out.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, normalize, resolve } from 'node:path'

const root = import.meta.dir
/** Copied as they are by build.ts, past the bundler. */
const COPIED = ['swagger-ui-dist']

type Manifest = { name: string; version: string; license?: string; dependencies?: Record<string, string> }
type Package = Manifest & { folder: string }

/** The packages whose files the bundler takes for the server, its workers and the pages, by folder. */
export async function compiledIn(): Promise<Package[]> {
  const inputs = [
    ...(await inputsOf('bun', ['src/main.ts', ...new Bun.Glob('src/**/*-worker.ts').scanSync({ cwd: root })])),
    ...(await inputsOf('browser', ['console/main.tsx', 'console/docs/docs.ts'])),
    ...COPIED.map((name) => `node_modules/${name}/package.json`),
  ]
  const folders = inputs.flatMap((input) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0] ?? [])
  const packages = [...new Set(folders)].sort().map((folder) => ({ ...manifestIn(folder), folder }))
  return [...new Map(packages.map((one) => [purl(one), one])).values()]
}

async function inputsOf(target: 'bun' | 'browser', entries: string[]): Promise<string[]> {
  const { metafile } = await Bun.build({
    entrypoints: entries.map((entry) => join(root, entry)),
    target,
    metafile: true,
    define: { 'process.env.NODE_ENV': '"production"' }, // as build.ts does: it decides what is left out
  })
  return Object.keys(metafile!.inputs).map((input) => normalize(input)) // node_modules may be a link to another place
}

/** Versions and licences as installed, hashes as in bun.lock. The same for the same commit. */
export function billOfMaterials(packages: Package[]) {
  const waypost = read<Manifest>('package.json')
  const lock = Bun.JSONC.parse(readFileSync(join(root, 'bun.lock'), 'utf8')) as {
    packages: Record<string, [string, ...unknown[]]>
  }
  const integrity = new Map(Object.values(lock.packages).map((entry) => [entry[0], String(entry.at(-1))]))
  const self = `pkg:generic/waypost@${waypost.version}`
  const bun = `pkg:github/oven-sh/bun@bun-v${Bun.version}`
  const uses = (folder: string, { dependencies = {} }: Manifest) =>
    Object.keys(dependencies)
      .map((name) => installedAt(folder, name))
      .flatMap((found) => (found ? purl(manifestIn(found)) : []))
      .filter((found) => packages.some((one) => purl(one) === found))
      .sort()

  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      lifecycles: [{ phase: 'build' }],
      component: {
        type: 'application',
        'bom-ref': self,
        name: waypost.name,
        version: waypost.version,
        purl: self,
        licenses: [{ license: { id: waypost.license } }],
      },
    },
    components: [
      {
        type: 'platform',
        'bom-ref': bun,
        name: 'bun',
        version: Bun.version,
        purl: bun,
        description: 'The runtime inside the executable, with what is linked into it',
        licenses: [{ license: { id: 'MIT' } }],
      },
      ...packages.map((one) => ({
        type: 'library',
        'bom-ref': purl(one),
        ...(one.name.startsWith('@') ? { group: one.name.split('/')[0] } : {}),
        name: one.name.split('/').at(-1)!,
        version: one.version,
        purl: purl(one),
        licenses: licensesOf(one),
        hashes: [{ alg: 'SHA-512', content: hashOf(one, integrity) }],
      })),
    ],
    dependencies: [
      { ref: self, dependsOn: [bun, ...uses('', { ...waypost, dependencies: allOf(waypost) })] },
      { ref: bun, dependsOn: [] },
      ...packages.map((one) => ({ ref: purl(one), dependsOn: uses(one.folder, one) })),
    ],
  }
}

/** What the pages are made of is a devDependency: nothing of it is installed beside the executable. */
const allOf = (manifest: Manifest & { devDependencies?: Record<string, string> }) => ({
  ...manifest.dependencies,
  ...manifest.devDependencies,
})

const purl = ({ name, version }: Manifest) => `pkg:npm/${name.replace('@', '%40')}@${version}`

/** Where `name` is found from `folder`, as Node resolves it. */
function installedAt(folder: string, name: string): string | undefined {
  for (let from = folder; ; from = from.slice(0, Math.max(from.lastIndexOf('node_modules/') - 1, 0))) {
    const found = join(from, 'node_modules', name)
    if (existsSync(join(root, found))) return found
    if (from === '') return undefined
  }
}

/** What /api/about lists. */
export const licences = (packages: Package[]) => [
  { name: 'bun', version: Bun.version, licence: 'MIT' },
  ...packages.map((one) => ({ name: one.name, version: one.version, licence: licenceOf(one) })),
]

function licenceOf({ name, version, license }: Manifest): string {
  if (!license) throw new Error(`${name}@${version} names no licence: look it up, and say it here`)
  return license
}

function licensesOf(manifest: Manifest) {
  const license = licenceOf(manifest)
  return / (OR|AND|WITH) /.test(license) ? [{ expression: license }] : [{ license: { id: license } }]
}

function hashOf({ name, version }: Manifest, integrity: Map<string, string>): string {
  const hash = /^sha512-(.+)$/.exec(integrity.get(`${name}@${version}`) ?? '')?.[1]
  if (!hash) throw new Error(`${name}@${version} is not in bun.lock with its hash: run bun install`)
  return Buffer.from(hash, 'base64').toString('hex')
}

const manifestIn = (folder: string) => read<Manifest>(join(folder, 'package.json'))

function read<T>(file: string): T {
  return JSON.parse(readFileSync(join(root, file), 'utf8')) as T
}

if (import.meta.main) {
  const file = resolve(process.argv[2] ?? join(root, 'dist/waypost.cdx.json'))
  const bill = billOfMaterials(await compiledIn())
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, `${JSON.stringify(bill, null, 2)}\n`)
  console.log(`${file} · ${bill.components.length} components`)
}
