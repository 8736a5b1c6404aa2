// The manifests of deploy/kubernetes/: each is what the API of Kubernetes says it is (by its own types, checked by tsc, which refuses unknown
// fields), the parts fit each other, and kubectl builds every overlay where it is installed.
import { afterAll, describe, expect, test } from 'bun:test'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { prometheusRule } from '../deploy/kubernetes/rules.ts'
import { settings } from '../src/config/settings.ts'

type Manifest = { apiVersion: string; kind: string; metadata: { name: string; labels?: Record<string, string> }; spec: any }

const root = join(import.meta.dir, '..')
const folder = join(root, 'deploy/kubernetes')
const overlays = ['cloudnative-pg', 'external-database', 'k3s', 'monitoring']
const scratch = mkdtempSync(join(tmpdir(), 'waypost-kubernetes-'))
writeFileSync(
  join(scratch, 'tsconfig.json'),
  JSON.stringify({ compilerOptions: { noEmit: true, strict: true, module: 'preserve', types: [] }, include: ['manifests.ts'] }),
)
symlinkSync(join(root, 'node_modules'), join(scratch, 'node_modules'))
afterAll(() => rmSync(scratch, { recursive: true }))

/** kind -> the module of kubernetes-types (made from the OpenAPI document of Kubernetes 1.30) that describes it. */
const TYPES: Record<string, string> = {
  Namespace: 'core/v1',
  ConfigMap: 'core/v1',
  Secret: 'core/v1',
  Service: 'core/v1',
  StatefulSet: 'apps/v1',
  Ingress: 'networking/v1',
  PodDisruptionBudget: 'policy/v1',
  HorizontalPodAutoscaler: 'autoscaling/v2',
}

/** Of custom resources only the fields in use, as their definitions have them (CloudNativePG 1.30, Prometheus operator 0.93). */
const CUSTOM = `
type Meta = import('kubernetes-types/meta/v1').ObjectMeta
type Selector = import('kubernetes-types/meta/v1').LabelSelector
type Cluster = {
  apiVersion: 'postgresql.cnpg.io/v1'; kind: 'Cluster'; metadata: Meta
  spec: {
    instances: number; imageName?: string
    bootstrap?: { initdb: { database: string; owner: string } }
    postgresql?: {
      parameters?: Record<string, string>
      synchronous?: { method: 'any' | 'first'; number: number; dataDurability?: 'required' | 'preferred' }
    }
    storage: { size: string; storageClass?: string }
    affinity?: { topologyKey?: string; podAntiAffinityType?: 'preferred' | 'required' }
    resources?: import('kubernetes-types/core/v1').ResourceRequirements
  }
}
type Endpoint = {
  port: string; path?: string; interval?: string; scrapeTimeout?: string
  authorization?: { type?: string; credentials: { name: string; key: string } }
}
type ServiceMonitor = {
  apiVersion: 'monitoring.coreos.com/v1'; kind: 'ServiceMonitor'; metadata: Meta
  spec: { jobLabel?: string; selector: Selector; endpoints: Endpoint[] }
}
type Rule = { expr: string; labels?: Record<string, string> } & (
  { record: string } | { alert: string; for?: string; annotations?: Record<string, string> }
)
type PrometheusRule = {
  apiVersion: 'monitoring.coreos.com/v1'; kind: 'PrometheusRule'; metadata: Meta
  spec: { groups: { name: string; interval?: string; rules: Rule[] }[] }
}
type PodMonitor = {
  apiVersion: 'monitoring.coreos.com/v1'; kind: 'PodMonitor'; metadata: Meta; spec: { selector: Selector; podMetricsEndpoints: Endpoint[] }
}
`

const written = [...new Bun.Glob('**/*.yaml').scanSync(folder)].filter((file) => !file.endsWith('kustomization.yaml')).sort()
const manifests: (Manifest & { file: string })[] = written.flatMap((file) =>
  parse(readFileSync(join(folder, file), 'utf8')).map((one) => ({ ...one, file })),
)
const of = (kind: string, name: string, file = '') =>
  manifests.find((one) => one.kind === kind && one.metadata.name === name && one.file.startsWith(file))!

describe('what is written', () => {
  test('every file is named by the kustomization in its folder, and every named file exists, except for the secrets', () => {
    for (const place of ['base', ...overlays.map((name) => `overlays/${name}`)]) {
      const text = readFileSync(join(folder, place, 'kustomization.yaml'), 'utf8')
      const { resources, patches = [], configMapGenerator = [], secretGenerator = [] } = Bun.YAML.parse(text) as any
      const named = [
        ...resources.filter((one: string) => one.endsWith('.yaml')),
        ...patches.map(({ path }: { path: string }) => path),
        ...configMapGenerator.flatMap(({ envs }: { envs: string[] }) => envs),
      ]
      const secret = secretGenerator.flatMap(({ envs }: { envs: string[] }) => envs)
      const there = readdirSync(join(folder, place)).filter((file) => file !== 'kustomization.yaml' && !secret.includes(file))
      expect({ place, files: named.sort() }).toEqual({ place, files: there.sort() })
      for (const file of secret) expect(readFileSync(join(root, '.gitignore'), 'utf8')).toContain(`/overlays/*/${file}`)
    }
  })

  test('the operator’s rules are those of deploy/prometheus', () => {
    expect(readFileSync(join(folder, 'overlays/monitoring/rules.yaml'), 'utf8')).toBe(prometheusRule())
    const names = (groups: { name: string }[]) => groups.map(({ name }) => name)
    const own = ['recording', 'alerts'].flatMap((name) =>
      names((Bun.YAML.parse(readFileSync(join(root, `deploy/prometheus/rules/${name}.yml`), 'utf8')) as any).groups),
    )
    expect(names(of('PrometheusRule', 'waypost').spec.groups)).toEqual(own)
  })

  test('config.env says truly which part of the volume the journal may take', () => {
    const config = readFileSync(join(folder, 'base/config.env'), 'utf8')
    const { volumeClaimTemplates } = of('StatefulSet', 'waypost', 'base').spec
    const volume = volumeClaimTemplates[0].spec.resources.requests.storage as string
    const journal = Number(/^JOURNAL_MAX_BYTES=(\d+)$/m.exec(config)![1]) / 2 ** 30
    expect(config).toContain(`# ${journal} of the volume's ${volume.replace('Gi', ' GiB')}.`)
  })

  test('every setting that the replicas get exists', () => {
    const config = readFileSync(join(folder, 'base/config.env'), 'utf8').matchAll(/^(\w+)=/gm)
    const secrets = Bun.spawnSync([join(folder, 'make-secrets'), 'DATABASE_URL'])
      .stdout.toString()
      .matchAll(/^(\w+)=/gm)
    const env = [of('StatefulSet', 'waypost', 'base'), of('StatefulSet', 'waypost', 'overlays')]
      .flatMap(({ spec }) => spec.template.spec.containers[0].env)
      .map(({ name }) => name)
      .filter((name) => name !== 'POD_NAME')
    const names = [...config, ...secrets].map(([, name]) => name!).concat(env)
    expect(names).toContain('DATABASE_URL')
    expect(names.filter((name) => !(name in settings))).toEqual([])
  })

  test('the secrets are long enough for a start, and another each time', () => {
    const make = () => Bun.spawnSync([join(folder, 'make-secrets')]).stdout.toString()
    const values = [...`${make()}${make()}`.matchAll(/^\w+=(\w{48})$/gm)].map(([, value]) => value)
    expect(new Set(values).size).toBe(4)
  })

  test('the image’s user owns the volume, and the volume is where the image keeps its data', () => {
    const image = readFileSync(join(root, 'Dockerfile'), 'utf8')
    const { securityContext, containers } = of('StatefulSet', 'waypost', 'base').spec.template.spec
    expect(image).toContain(`USER ${securityContext.runAsUser}:${securityContext.fsGroup}`)
    expect(image).toContain(`DATA_DIR=${containers[0].volumeMounts.find(({ name }: any) => name === 'data').mountPath}`)
    expect(image).toContain(`EXPOSE ${containers[0].ports[0].containerPort}`)
  })

  test('a drain ends before the replica is killed', () => {
    const { terminationGracePeriodSeconds, containers } = of('StatefulSet', 'waypost', 'base').spec.template.spec
    const [, stopWithin] = /STOP_WITHIN = (\d+)_000/.exec(readFileSync(join(root, 'src/monitor/lifecycle.ts'), 'utf8'))!
    expect(terminationGracePeriodSeconds).toBeGreaterThan(containers[0].lifecycle.preStop.sleep.seconds + Number(stopWithin))
  })

  test('what names another resource names one that is there', () => {
    const set = of('StatefulSet', 'waypost', 'base')
    const labels = set.spec.template.metadata.labels
    expect(of('Service', set.spec.serviceName)).toBeDefined()
    expect(set.spec.template.spec.containers[0].env.find(({ name }: any) => name === 'ADVERTISE_URL').value).toBe(
      `http://$(POD_NAME).${set.spec.serviceName}:${of('Service', set.spec.serviceName).spec.ports[0].port}`,
    )
    for (const name of ['waypost', 'waypost-replicas']) expect(of('Service', name).spec.selector).toEqual(labels)
    expect(of('PodDisruptionBudget', 'waypost').spec.selector.matchLabels).toEqual(labels)
    expect(of('HorizontalPodAutoscaler', 'waypost', 'base').spec.scaleTargetRef).toEqual({
      apiVersion: set.apiVersion,
      kind: set.kind,
      name: set.metadata.name,
    })
    expect(of('Ingress', 'waypost').spec.rules[0].http.paths[0].backend.service.name).toBe('waypost')
    const database = of('Cluster', 'waypost-db').metadata.name
    const patch = of('StatefulSet', 'waypost', 'overlays').spec.template.spec.containers[0].env[0]
    expect(patch.valueFrom.secretKeyRef.name).toBe(`${database}-app`)
    const monitor = of('ServiceMonitor', 'waypost').spec
    const scraped = of('Service', 'waypost-replicas').metadata.labels!
    expect(scraped[monitor.selector.matchExpressions[0].key]).toBeDefined()
    expect(of('Service', 'waypost').metadata.labels).toBeUndefined() // else each replica were scraped twice
    expect(of('PodMonitor', 'waypost-db').spec.selector.matchLabels['cnpg.io/cluster']).toBe(database)
  })

  test('PostgreSQL takes the connections of as many replicas as the autoscaler makes', () => {
    const { maxReplicas } = of('HorizontalPodAutoscaler', 'waypost', 'base').spec
    const most = Number(of('Cluster', 'waypost-db').spec.postgresql.parameters.max_connections)
    expect(maxReplicas * (Number(settings.DATABASE_POOL.default) + 4)).toBeLessThan(most)
  })

  test('the API knows every field, and misses none', () => {
    const patches = overlays.flatMap((overlay) => {
      const text = readFileSync(join(folder, 'overlays', overlay, 'kustomization.yaml'), 'utf8')
      return ((Bun.YAML.parse(text) as any).patches ?? []).map(({ path }: any) => `overlays/${overlay}/${path}`)
    })
    expect(patches).toHaveLength(3) // they are parts, and are looked at when they are built in
    expect(typeErrors(manifests.filter(({ file }) => !patches.includes(file)))).toBe('')
  })

  test('a field that it does not know is found', () => {
    const set = of('StatefulSet', 'waypost', 'base')
    expect(typeErrors([{ ...set, spec: { ...set.spec, replica: 3 } }])).toMatch(
      /replica.* does not exist in type 'StatefulSetSpec'/,
    )
  })
})

const kubectl = Bun.which('kubectl')
describe.skipIf(!kubectl)('what kubectl builds (skipped where it is not installed)', () => {
  const built = join(scratch, 'kubernetes')
  cpSync(folder, built, { recursive: true, filter: (file) => !/\/(secrets|metrics)\.env$/.test(file) })
  const build = (overlay: string) => Bun.spawnSync([kubectl!, 'kustomize', join(built, 'overlays', overlay)])

  test('nothing without its secrets', () => {
    for (const overlay of overlays) {
      const { exitCode, stderr } = build(overlay)
      expect({ overlay, exitCode }).toEqual({ overlay, exitCode: 1 })
      expect(stderr.toString()).toMatch(/(secrets|metrics)\.env/)
    }
  })

  test('every overlay, as the API wants it', () => {
    for (const overlay of ['cloudnative-pg', 'external-database'])
      writeFileSync(
        join(built, 'overlays', overlay, 'secrets.env'),
        Bun.spawnSync([join(folder, 'make-secrets'), 'DATABASE_URL']).stdout,
      )
    writeFileSync(join(built, 'overlays/monitoring/metrics.env'), 'METRICS_KEY=wp_x\n')
    const resources = overlays.map((overlay) => {
      const { stdout, stderr } = build(overlay)
      expect(stderr.toString()).toBe('')
      return parse(stdout.toString())
    })
    expect(typeErrors(resources.flat())).toBe('')

    const [fleet, external, k3s] = resources.map((all) => (kind: string) => all.find((one) => one.kind === kind)!)
    const container = (resource: Manifest) => resource.spec.template.spec.containers[0]
    const generated = container(fleet!('StatefulSet')).envFrom.map((one: any) => (one.configMapRef ?? one.secretRef).name)
    expect(generated).toEqual([fleet!('ConfigMap').metadata.name, fleet!('Secret').metadata.name])
    expect(generated[0]).toMatch(/^waypost-\w+$/) // by its content, so that a change rolls the replicas
    expect(container(external!('StatefulSet')).env.map(({ name }: any) => name)).not.toContain('DATABASE_URL')
    expect(k3s!('Cluster').spec.instances).toBe(1)
    expect(k3s!('Cluster').spec.postgresql.synchronous).toBeUndefined()
    expect(k3s!('HorizontalPodAutoscaler').spec.minReplicas).toBe(2)
  })
})

/** What tsc says of manifests that are written down as values of their types. */
function typeErrors(resources: Manifest[]): string {
  const lines = resources.map(({ file, ...resource }: any, at) => {
    const { kind } = resource
    const type = TYPES[kind] ? `import('kubernetes-types/${TYPES[kind]}').${kind}` : kind
    return `export const ${kind}${at}: ${type} = ${JSON.stringify(resource)}`
  })
  writeFileSync(join(scratch, 'manifests.ts'), `${CUSTOM}\n${lines.join('\n')}\n`)
  const tsc = Bun.spawnSync([join(root, 'node_modules/.bin/tsc'), '-p', scratch])
  return tsc.stdout.toString() + tsc.stderr.toString()
}

function parse(text: string): Manifest[] {
  const parsed = Bun.YAML.parse(text) as Manifest | Manifest[]
  return Array.isArray(parsed) ? parsed : [parsed]
}
