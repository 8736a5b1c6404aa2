// `bun run cluster [--port P] [--dir D]`: a fleet on this machine until SIGTERM or ctrl-C. How many replicas: REPLICAS, 3.
// Any setting of docs/configuration.md in the environment is the replicas', and those of deploy/nginx/render are nginx's. SIGHUP restarts them one after another; one that ends with 75,
// as /chaos makes it, is started again, as its supervisor would; one that is killed stays dead.
import { parseArgs } from 'node:util'
import { settings } from '../../src/config/settings.ts'
import { startCluster } from './cluster.ts'

const { values } = parseArgs({
  args: Bun.argv.slice(2),
  options: { port: { type: 'string', default: '8080' }, dir: { type: 'string' } },
})
const count = Number(process.env.REPLICAS || 3)
if (!/^\d+$/.test(values.port) || Number(values.port) > 65_535) fail('--port must be a whole number from 0 to 65535')
if (!Number.isInteger(count) || count < 1 || count > 50) fail('REPLICAS must be a whole number from 1 to 50')

let asked = false
let stop = () => {
  asked = true
}
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop())

const given = (names: string[]) =>
  Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]!]] : [])))
const cluster = await startCluster({
  port: Number(values.port) || undefined,
  dir: values.dir,
  replicas: count,
  env: given(Object.keys(settings)),
  // It listens on loopback: who reaches it is on this machine already.
  nginx: { OPERATORS: 'allow all;', ...given(['OPERATORS', 'TRUSTED_FRONT', 'PUBLIC_HOST']) },
}).catch((error) => fail(error.message))
let stopping: Promise<void> | undefined
stop = () => {
  stopping ??= cluster.stop().then(() => process.exit(0))
}
if (asked) stop()

let rolling = Promise.resolve()
process.on('SIGHUP', () => {
  rolling = rolling.then(cluster.roll).then(
    () => console.log('restarted'),
    (error) => console.error(`the restart stopped: ${error.message}`),
  )
})
for (const replica of cluster.replicas) void supervise(replica)

console.log(`nginx      ${cluster.nginx}
replicas   ${cluster.replicas.map(({ url }) => url).join(' ')}
database   ${cluster.database}
token      ${cluster.adminToken}
folder     ${cluster.folder} (cluster.json says all this)`)

async function supervise(replica: (typeof cluster.replicas)[number]) {
  for (;;) {
    const { pid } = replica
    const code = await replica.exited()
    if (code === 75 && !stopping) await replica.start().catch((error) => console.error(error.message))
    else while (replica.pid === pid) await Bun.sleep(200)
  }
}

function fail(message: string): never {
  console.error(message)
  process.exit(1)
}
