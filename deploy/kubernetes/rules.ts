// Writes overlays/monitoring/rules.yaml, the rules of deploy/prometheus as a PrometheusRule: `bun deploy/kubernetes/rules.ts` after a change of them.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const rules = join(import.meta.dir, '../prometheus/rules')

/** The groups of both files, as they are written there, below `spec:`. */
export function prometheusRule(): string {
  const groups = ['recording', 'alerts'].map((name) => {
    const text = readFileSync(join(rules, `${name}.yml`), 'utf8')
    return text.slice(text.indexOf('\ngroups:\n') + '\ngroups:\n'.length).replace(/^(?=.)/gm, '  ')
  })
  return `# Written by \`bun deploy/kubernetes/rules.ts\` from deploy/prometheus/rules: change them there.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: waypost
  labels:
    app.kubernetes.io/name: waypost
spec:
  groups:
${groups.join('\n')}`
}

if (import.meta.main) await Bun.write(join(import.meta.dir, 'overlays/monitoring/rules.yaml'), prometheusRule())
