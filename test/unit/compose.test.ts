// What the files for containers promise: loopback but for nginx, pinned images, secrets from deploy/make-env, and nothing named that is not there.
import { describe, expect, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../monitoring.ts'

const root = join(import.meta.dir, '../..')
const text = (file: string) => readFileSync(join(root, file), 'utf8')
const yaml = (file: string) => Bun.YAML.parse(text(file)) as any
type Service = {
  image?: string
  restart?: string
  ports?: string[]
  volumes?: string[]
  healthcheck?: object
  profiles?: string[]
  security_opt?: string[]
  depends_on?: Record<string, object>
  extends?: { file: string; service: string }
}
const compose = yaml('docker-compose.yml') as { services: Record<string, Service>; volumes: Record<string, null> }
const services = Object.entries(compose.services)

describe.each(services)(
  '%s',
  (name, { image, restart, ports = [], volumes = [], healthcheck, security_opt, depends_on = {} }) => {
    test('is pinned, watched, started again, and gains no privileges', () => {
      expect(image).toMatch(/^(\$\{WAYPOST_IMAGE:-waypost:local\}|[\w/]+:v?\d+\.\d+(\.\d+)?(-alpine)?)$/)
      expect(restart).toBe(name === 'demo' ? 'no' : 'unless-stopped')
      if (name !== 'waypost') expect(healthcheck).toBeDefined() // its image brings one
      expect(security_opt).toEqual(['no-new-privileges:true'])
      for (const other of Object.keys(depends_on)) expect(Object.keys(compose.services)).toContain(other)
    })

    test('listens on loopback, unless it is nginx', () => {
      for (const port of ports)
        expect(port).toMatch(name === 'nginx' ? /^\$\{HTTP_PORT:-8080\}:80$/ : /^127\.0\.0\.1:\$\{\w+_PORT:-\d+\}:\d+$/)
    })

    test('its ports are in the table of docs/compose.md', () => {
      const page = text('docs/compose.md')
      for (const port of ports) {
        const [, variable, byDefault] = /\$\{(\w+):-(\d+)\}/.exec(port)!
        expect(page).toMatch(new RegExp(`^\\| ${byDefault} +\\| \`${name}\`.*\\| \`${variable}\` +\\|$`, 'm'))
      }
    })

    test('what it mounts is there', () => {
      for (const volume of volumes) {
        const [from] = volume.replace(/^\$\{\w+:-(.*?)\}/, '$1').split(':')
        if (from!.startsWith('/')) continue // the machine's
        expect([from, from!.startsWith('./') ? existsSync(join(root, from!)) : from! in compose.volumes]).toEqual([from, true])
      }
    })
  },
)

test('only dashboards and demo data wait to be asked for', () => {
  const asked = services.filter(([, { profiles }]) => profiles).map(([name, { profiles }]) => `${profiles}: ${name}`)
  expect(asked.sort()).toEqual(['dashboards: alloy', 'dashboards: grafana', 'dashboards: loki', 'demo: demo'])
})

test('deploy/make-env writes every requested secret, a new one each time', async () => {
  const wanted = new Set([...text('docker-compose.yml').matchAll(/\$\{(\w+):\?/g)].map(([, name]) => name!))
  const made = async () =>
    new Map([...(await run([join(root, 'deploy/make-env')])).out.matchAll(/^(\w+)=(.*)$/gm)].map(([, k, v]) => [k!, v!]))
  const [one, other] = [await made(), await made()]
  expect([...wanted].filter((name) => !one.has(name))).toEqual([])
  for (const [name, value] of one) {
    expect([name, value]).toEqual([name, expect.stringMatching(/^[0-9a-f]{48}$/)])
    expect(value).not.toBe(other.get(name))
  }
})

test('nginx’s template gets every value that it has a place for', () => {
  const places = [...text('deploy/nginx/waypost.conf.template').matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name!)
  for (const { environment } of [compose.services.nginx, compose.services.operators] as any[])
    expect(places.filter((name) => !(name in environment))).toEqual([])
})

test('docker-compose 1.29 knows every key at the top of the files', () => {
  for (const file of ['docker-compose.yml', 'docker-compose.dev.yml']) {
    const unknown = Object.keys(yaml(file)).filter((key) => !/^(services|volumes|networks|secrets|configs|x-.*)$/.test(key))
    expect([file, unknown]).toEqual([file, []])
  }
})

test('the dev variant keeps its data separate, and says so in each command', () => {
  const dev = yaml('docker-compose.dev.yml') as { volumes: Record<string, { name: string }> }
  expect(Object.values(dev.volumes).map(({ name }) => name)).toEqual(['waypost-dev-postgres'])
  for (const page of ['docker-compose.dev.yml', 'docs/compose.md'])
    for (const [command] of text(page).matchAll(/docker compose.* -f docker-compose\.dev\.yml.*/g))
      expect([page, command]).toEqual([page, expect.stringContaining('compose -p waypost-dev -f')])
})

test('nginx leaves a replica out for the time that docs/nginx.md says, on machines and in containers', () => {
  const times = ['docker-compose.yml', 'docs/compose.md', 'deploy/nginx/render'].flatMap((file) =>
    [...text(file).matchAll(/fail_timeout=(\d+)s/g)].map(([, seconds]) => `${file}: ${seconds}`),
  )
  expect(times.length).toBeGreaterThan(2)
  expect(times.filter((time) => !time.endsWith(': 3'))).toEqual([])
  expect(text('docs/nginx.md').replace(/\s+/g, ' ')).toContain('within 3 seconds it is left out for 3 seconds')
})

test('the dev variant has the services that Waypost uses, as the fleet has them', () => {
  const dev = yaml('docker-compose.dev.yml') as typeof compose
  expect(Object.keys(dev.services)).toEqual(['postgres', 'valkey'])
  for (const [name, service] of Object.entries(dev.services))
    expect(service.extends).toEqual({ file: 'docker-compose.yml', service: name })
})

describe('Grafana and Loki', () => {
  test('dashboards ask the data sources that are provisioned, which are services', () => {
    const { datasources } = yaml('deploy/grafana/provisioning/datasources/waypost.yml') as {
      datasources: { uid: string; url: string }[]
    }
    for (const { url } of datasources) expect(Object.keys(compose.services)).toContain(new URL(url).hostname)
    const uids = new Set(datasources.map(({ uid }) => uid))
    for (const file of readdirSync(join(root, 'deploy/grafana/dashboards')))
      for (const [, uid] of text(`deploy/grafana/dashboards/${file}`).matchAll(
        /"datasource": \{\s+"type": "\w+",\s+"uid": "(\w+)"/g,
      ))
        expect([file, uids.has(uid!)]).toEqual([file, true])
  })

  test('panels of a dashboard neither overlap nor stick out', () => {
    for (const file of readdirSync(join(root, 'deploy/grafana/dashboards'))) {
      const { panels } = JSON.parse(text(`deploy/grafana/dashboards/${file}`)) as {
        panels: { id: number; gridPos: Record<'x' | 'y' | 'w' | 'h', number> }[]
      }
      const taken = new Set<string>()
      for (const { gridPos } of panels)
        for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
          for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
            expect([file, x < 24, taken.has(`${x} ${y}`)]).toEqual([file, true, false])
            taken.add(`${x} ${y}`)
          }
      expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    }
  })

  test('in Alloy’s pipeline every component leads to one that is there', () => {
    const bare = text('deploy/loki/config.alloy').replaceAll(/^\s*\/\/.*$/gm, '')
    const components = [...bare.matchAll(/^([\w.]+) "(\w+)" \{$/gm)].map(([, kind, label]) => `${kind}.${label}`)
    const named = [...bare.matchAll(/\b((?:loki|local)\.[\w.]+)\.(receiver|targets)\b/g)].map(([, component]) => component!)
    expect(components.length).toBeGreaterThan(3)
    expect(named.filter((component) => !components.includes(component))).toEqual([])
    for (const pair of ['{}', '[]', '()']) expect(bare.split(pair[0]!).length).toBe(bare.split(pair[1]!).length)
    const { server } = yaml('deploy/loki/loki.yml') as { server: { http_listen_port: number } }
    expect(bare).toContain(`http://loki:${server.http_listen_port}/loki/api/v1/push`)
  })
})
