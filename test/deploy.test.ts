// deploy/over-ssh: what it does on the machine, with ssh, sudo and systemctl in the place of real ones; processes, ports, ss and curl are real.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { atEnd } from './at-end.ts'
import { freePort } from './postgres.ts'
import { temporaryFolder } from './scratch.ts'

const possible = process.platform === 'linux' && ['ss', 'curl', 'setsid'].every((program) => Bun.which(program))
if (!possible) console.warn('SKIPPED: test/deploy.test.ts (it needs Linux, ss, curl and setsid)')

describe.skipIf(!possible)('a deployment over SSH', () => {
  const folder = temporaryFolder()
  const binary = join(folder, 'bin/waypost')
  const pids = (unit: number) => Number(readFileSync(join(folder, `${unit}.pid`), 'utf8'))
  const runs = async (port: number) =>
    ((await (await fetch(`http://127.0.0.1:${port}/health`)).json()) as { version: string }).version
  let ports: number[]

  /** An executable that answers as Waypost does; one that is `broken` never gets ready. */
  function release(version: string, broken = false) {
    const file = join(folder, `waypost-${version}`)
    executable(
      file,
      `#!${process.execPath}
if (process.argv[2] === 'version') console.log('waypost ${version} (abc1234, 2026-01-01)')
else Bun.serve({ port: Number(process.env.PORT), hostname: '127.0.0.1', fetch: ({ url }) =>
  url.endsWith('/ready') ? new Response('{}', { status: ${broken ? 503 : 200} }) : Response.json({ status: 'ok', version: '${version}' }) })
`,
    )
    return file
  }

  async function deploy(file: string) {
    const child = Bun.spawn([join(import.meta.dir, '../deploy/over-ssh'), 'deploy@vm', file], {
      env: { PATH: `${join(folder, 'stand-ins')}:${process.env.PATH}`, BINARY: binary, READY_WITHIN: '2', FOLDER: folder },
      stdout: 'pipe',
      stderr: 'pipe',
    })
    const [code, out, err] = await Promise.all([
      child.exited,
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ])
    return { code, out: out.trim().split('\n'), err: err.trim().split('\n') }
  }

  beforeAll(async () => {
    if (!possible) return
    ports = [await freePort(), await freePort()]
    for (const name of ['bin', 'stand-ins']) mkdirSync(join(folder, name))
    executable(join(folder, 'stand-ins/ssh'), '#!/bin/sh\nshift\nexec sh -c "$*"\n')
    executable(join(folder, 'stand-ins/sudo'), '#!/bin/sh\nexec "$@"\n')
    executable(
      join(folder, 'stand-ins/systemctl'),
      `#!/bin/sh
case $1 in
  list-units) printf 'waypost@%s.service loaded active running\\n' 1 2 ;;
  show) cat "$FOLDER/$(expr "$5" : 'waypost@\\([12]\\)').pid" ;;
  restart)
    n=$(expr "$2" : 'waypost@\\([12]\\)')
    if [ -e "$FOLDER/$n.pid" ]; then kill "$(cat "$FOLDER/$n.pid")"; fi
    [ $n = 1 ] && PORT=${ports[0]} || PORT=${ports[1]}
    export PORT
    setsid "$BINARY" >/dev/null 2>&1 &
    echo $! >"$FOLDER/$n.pid" ;;
esac
`,
    )
    atEnd(() => {
      for (const unit of [1, 2])
        try {
          process.kill(pids(unit))
        } catch {}
    })
    await Bun.write(binary, Bun.file(release('0.1.0')))
    chmodSync(binary, 0o755)
  })
  afterAll(() => {
    if (possible) for (const unit of [1, 2]) if (existsSync(join(folder, `${unit}.pid`))) process.kill(pids(unit))
  })

  test('restarts the units one after another with the new release, and keeps the one before', async () => {
    const { code, out, err } = await deploy(release('0.2.0'))
    expect({ code, out, err }).toEqual({
      code: 0,
      out: ['waypost@1.service is ready with 0.2.0', 'waypost@2.service is ready with 0.2.0'],
      err: [''],
    })
    expect(await Promise.all(ports.map(runs))).toEqual(['0.2.0', '0.2.0'])
    expect(Bun.spawnSync([`${binary}.previous`, 'version']).stdout.toString()).toContain('waypost 0.1.0')
  })

  test('of a release that does not get ready brings the one before back, and fails', async () => {
    const { code, err } = await deploy(release('0.3.0', true))
    expect(code).toBe(1)
    expect(err).toEqual([
      'waypost@1.service is not ready with 0.3.0 within 2 s: back to 0.2.0',
      'waypost@1.service is ready with 0.2.0',
    ])
    expect(await Promise.all(ports.map(runs))).toEqual(['0.2.0', '0.2.0'])
    expect(Bun.spawnSync([binary, 'version']).stdout.toString()).toContain('waypost 0.2.0')
  })

  test('of what does not run there touches nothing', async () => {
    const file = join(folder, 'not-for-here')
    executable(file, '#!/bin/sh\nexit 126\n')
    expect((await deploy(file)).code).not.toBe(0)
    expect(await Promise.all(ports.map(runs))).toEqual(['0.2.0', '0.2.0'])
    expect((await deploy(release('0.1.0'))).code).toBe(0) // and an earlier release is the way back
    expect(await Promise.all(ports.map(runs))).toEqual(['0.1.0', '0.1.0'])
  })
})

function executable(file: string, text: string) {
  writeFileSync(file, text)
  chmodSync(file, 0o755)
}
