// Builds what is served to browsers, and the executable. `bun build.ts [--target=…]`; `bun build.ts assets` stops after the first.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { compiledIn, licences } from './sbom.ts'
import { packCluster, READY } from './src/database/embedded-ready.ts'

const TARGETS = ['linux-x64', 'linux-x64-baseline', 'linux-arm64', 'darwin-arm64'] as const

/** favicon.svg in white on its colour, for the screens of phones; the last fills whatever shape they cut it to. */
const ICONS = ['icon-192.png', 'icon-512.png', 'icon-maskable.png']

/** What the server sends in the encoding that a browser takes. */
const SENT_PACKED = /\.(js|css|svg)$/

const root = import.meta.dir
const assets = join(root, 'dist/assets')
const { values, positionals } = parseArgs({
  args: Bun.argv.slice(2),
  options: { target: { type: 'string' } },
  allowPositionals: true,
})

await buildAssets()
if (positionals[0] !== 'assets') await buildExecutable(values.target)

/** console/ and Swagger UI, under names that stay: index.html and the server's headers refer to them. */
async function buildAssets() {
  // Windows of one build share a worker: after an update it is another.
  const worker = await script('console/streams-worker.ts')
  write('console/streams-worker.js', worker)
  const console = await bundle('console/main.tsx', 'console/console.css', {
    'process.env.CONSOLE_WORKER': JSON.stringify(Bun.hash(worker).toString(36)),
  })
  write('console/console.js', console.js)
  write('console/console.css', console.css)
  for (const file of ['index.html', 'favicon.svg', 'theme.js', 'manifest.webmanifest', ...ICONS])
    copy(`console/${file}`, `console/${file}`)

  const docs = await bundle('console/docs/docs.ts', 'console/docs/docs.css')
  write('swagger/docs.js', docs.js)
  write('swagger/docs.css', docs.css)
  copy('console/docs/index.html', 'swagger/index.html')
  for (const file of ['swagger-ui-bundle.js', 'swagger-ui.css', 'swagger-ui-bundle.js.LICENSE.txt', 'LICENSE', 'NOTICE'])
    copy(`node_modules/swagger-ui-dist/${file}`, `swagger/${file}`)

  write('licences.json', JSON.stringify(licences(await compiledIn())))
  write(basename(READY), await readyCluster())
}

/** The embedded database's first cluster. initdb takes seconds, so the result is kept until PGlite, or how it is called, changes. */
async function readyCluster(): Promise<Buffer> {
  const from = ['embedded-cluster', 'embedded-ready'].map((name) => readFileSync(join(root, `src/database/${name}.ts`), 'utf8'))
  const kept = join(root, 'node_modules/.cache/waypost', `ready-${Bun.hash([READY, ...from].join()).toString(36)}.zst`)
  if (existsSync(kept)) return readFileSync(kept)
  const folder = mkdtempSync(join(tmpdir(), 'waypost-ready-'))
  try {
    await Bun.$`${process.execPath} --no-env-file ${join(root, 'src/main.ts')} initdb ${folder}`
    const packed = packCluster(folder)
    mkdirSync(dirname(kept), { recursive: true })
    writeFileSync(kept, packed)
    return packed
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function forBrowsers(entrypoints: string[], define: Record<string, string> = {}) {
  return Bun.build({
    entrypoints: entrypoints.map((name) => join(root, name)),
    target: 'browser',
    minify: true,
    define: { 'process.env.NODE_ENV': '"production"', ...define },
  })
}

async function script(name: string): Promise<string> {
  return (await forBrowsers([name])).outputs[0]!.text()
}

async function bundle(script: string, style: string, define?: Record<string, string>): Promise<{ js: string; css: string }> {
  const { outputs } = await forBrowsers([script, style], define)
  const text = (ending: string) => outputs.find(({ path }) => path.endsWith(ending))!.text()
  return { js: await text('.js'), css: await text('.css') }
}

/** Only what changed: a server that runs from this folder never meets half a file for nothing. */
function write(name: string, content: string | Uint8Array) {
  const file = join(assets, name)
  const bytes = Buffer.from(content)
  const forms = SENT_PACKED.test(name) ? [`${file}.br`, `${file}.gz`] : []
  if (existsSync(file) && readFileSync(file).equals(bytes) && forms.every((form) => existsSync(form))) return
  mkdirSync(dirname(file), { recursive: true })
  const [brotli, gzip] = forms
  if (brotli) writeFileSync(brotli, brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }))
  if (gzip) writeFileSync(gzip, gzipSync(bytes, { level: 9 }))
  writeFileSync(file, bytes)
}

function copy(from: string, to: string) {
  write(to, readFileSync(join(root, from)))
}

async function buildExecutable(target: string | undefined) {
  if (target !== undefined && !TARGETS.some((known) => known === target)) {
    console.error(`There is no target ${target}: it is one of ${TARGETS.join(', ')}.`)
    process.exit(2)
  }
  const outfile = join(root, 'dist', target ? `waypost-${target}` : 'waypost')
  const started = Date.now()
  const fresh = `${outfile}.${process.pid}` // a running executable cannot be written to, but it can be replaced
  try {
    await Bun.build({
      entrypoints: [join(root, 'src/main.ts'), ...workers()],
      root: join(root, 'src'), // so that a worker is /$bunfs/root/<its path below src>
      compile: {
        outfile: fresh,
        ...(target ? { target: `bun-${target}` as Bun.Build.CompileTarget } : {}),
        assets: [assets],
        autoloadDotenv: false,
        autoloadBunfig: false,
      },
      // Parsing the source took 80 ms of each start; a command and a worker load only their own files.
      format: 'esm',
      bytecode: true,
      splitting: true,
      minify: { whitespace: true, syntax: true, identifiers: false }, // Elysia reads the parameters' names from Function.toString
      define: { 'process.env.NODE_ENV': '"production"', ...versionDefines() },
    })
    await Bun.$`mv ${fresh} ${outfile}`
  } catch (error) {
    rmSync(fresh, { force: true })
    console.error(error instanceof AggregateError ? error.errors.join('\n') : error)
    process.exit(1)
  }
  console.log(`${outfile} · ${(statSync(outfile).size / 1e6).toFixed(0)} MB · ${((Date.now() - started) / 1000).toFixed(1)} s`)
}

function workers(): string[] {
  return [...new Bun.Glob('src/**/*-worker.ts').scanSync({ cwd: root, absolute: true })].sort()
}

/** Commit and date for `waypost version`: from the environment (an image build has no .git), else from git. */
function versionDefines(): Record<string, string> {
  const git = (format: string) => {
    const { success, stdout } = Bun.spawnSync(['git', '-C', root, 'log', '-1', `--format=${format}`], { stderr: 'ignore' })
    return success ? stdout.toString().trim() : 'unknown'
  }
  const defines: Record<string, string> = {}
  for (const [name, format] of [
    ['WAYPOST_COMMIT', '%h'],
    ['WAYPOST_DATE', '%cI'],
  ] as const)
    defines[`process.env.${name}`] = JSON.stringify(process.env[name] || git(format))
  return defines
}
