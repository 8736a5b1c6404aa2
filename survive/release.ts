// A second release, built from these sources: a higher number, and one more migration, which changes tables that are in use.
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { version } from '../package.json'
import { newestSchema } from '../src/database/migrate.ts'

const root = resolve(import.meta.dir, '..')
const SOURCES = ['src', 'sql', 'console', 'patches', 'build.ts', 'sbom.ts', 'package.json', 'bun.lock', 'tsconfig.json']

/** Its number. */
export const NEXT = version.replace(/^(\d+)\.(\d+).*/, (_, major, minor) => `${major}.${Number(minor) + 1}.0`)

const UP = `
alter table urls add column survive_note text, add column survive_rank int not null default 7;
alter table users add column survive_note text;
alter table events add column survive_note text;
create index survive_rank on urls (survive_rank);
create table survive_more (id bigint primary key references users);
`
/** What takes the migration back, so that it can be made again. */
export const DOWN = `
set local lock_timeout = '3s';
delete from schema_migrations where name like '%-survive';
drop table survive_more;
drop index survive_rank;
alter table urls drop column survive_note, drop column survive_rank;
alter table users drop column survive_note;
alter table events drop column survive_note;
`

/** Builds it in `folder`, which takes some seconds of a core; resolves with the path of its executable. */
export async function buildNext(folder: string): Promise<string> {
  mkdirSync(folder)
  for (const name of SOURCES) cpSync(join(root, name), join(folder, name), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  const edit = (name: string, change: (text: string) => string) => {
    const file = join(folder, name)
    const before = readFileSync(file, 'utf8')
    const after = change(before)
    if (after === before) throw new Error(`the next release could not be made: ${name} is not what it was`)
    writeFileSync(file, after)
  }
  edit('package.json', (text) => text.replace(`"version": "${version}"`, `"version": "${NEXT}"`))
  const released = readdirSync(join(folder, 'sql')).filter((name) => /^\d{4}-/.test(name)).length
  const name = `${String(released + 1).padStart(4, '0')}-survive`
  writeFileSync(join(folder, `sql/${name}.sql`), UP)
  edit('src/database/migrate.ts', (text) =>
    text.replace(
      /const migrations = \[([^\]]*)\]/,
      (_, list) => `import survive from '../../sql/${name}.sql' with { type: 'text' }
const migrations = [${list.replace(/,\s*$/, '')}, { version: ${newestSchema + 1}, name: '${name}', sql: survive }]`,
    ),
  )
  const built = Bun.spawn([process.execPath, '--no-env-file', join(folder, 'build.ts')], {
    cwd: folder,
    env: { ...process.env, WAYPOST_COMMIT: 'next', WAYPOST_DATE: new Date().toISOString() },
    stdout: 'ignore',
    stderr: 'pipe',
  })
  if ((await built.exited) !== 0)
    throw new Error(`the next release could not be built: ${await new Response(built.stderr).text()}`)
  return join(folder, 'dist/waypost')
}
