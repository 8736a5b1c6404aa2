// The bill of materials names what is compiled in: all of it, nothing else, by version, licence and hash.
import { expect, test } from 'bun:test'
import manifest from '../../package.json'
import { billOfMaterials, compiledIn } from '../../sbom.ts'

test('the bill of materials', async () => {
  const packages = await compiledIn()
  const names = packages.map(({ name }) => name)
  expect(names).toEqual(expect.arrayContaining([...Object.keys(manifest.dependencies), 'preact', 'swagger-ui-dist']))
  for (const tool of ['typescript', '@biomejs/biome', 'fast-check', 'autocannon', 'playwright-core', 'bun-types'])
    expect(names).not.toContain(tool)

  const bill = billOfMaterials(packages)
  expect(billOfMaterials(await compiledIn())).toEqual(bill)
  const known = [bill.metadata.component, ...bill.components].map((one) => one['bom-ref'])
  expect(new Set(known).size).toBe(known.length)
  expect(bill.dependencies.map(({ ref }) => ref).sort()).toEqual([...known].sort())
  for (const { dependsOn } of bill.dependencies) expect(known).toEqual(expect.arrayContaining(dependsOn))
  expect(bill.dependencies[0]!.dependsOn.length).toBeGreaterThan(Object.keys(manifest.dependencies).length)

  for (const one of bill.components.filter(({ type }) => type === 'library'))
    expect(one).toMatchObject({
      version: expect.stringMatching(/^\d/),
      purl: expect.stringMatching(/^pkg:npm\/(%40[^/@]+\/)?[^/@]+@\d/),
      licenses: [expect.anything()],
      hashes: [{ alg: 'SHA-512', content: expect.stringMatching(/^[0-9a-f]{128}$/) }],
    })
})
