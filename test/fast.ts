// `bun run test:fast`: the type check, test/unit and the contract on the embedded database, side by side. It builds nothing.
const TEST = [process.execPath, '--no-env-file', 'test', '--only-failures', '--timeout', '150000']
const PARTS: Record<string, string[]> = {
  types: ['node_modules/.bin/tsc', '--noEmit', '-p', '.'],
  'test/unit': [...TEST, 'test/unit'],
  contract: [...TEST, 'test/contract.test.ts', '-t', 'embedded database'],
}
// As in `bun run test`: without the last tiers of the compilers, which tests of seconds do not earn back.
const env = { ...process.env, BUN_JSC_useOMGJIT: '0', BUN_JSC_useFTLJIT: '0' }

const codes = await Promise.all(
  Object.entries(PARTS).map(async ([name, command]) => {
    const began = performance.now()
    const part = Bun.spawn(command, { cwd: `${import.meta.dir}/..`, env, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' })
    const [code, out, err] = await Promise.all([part.exited, new Response(part.stdout).text(), new Response(part.stderr).text()])
    const seconds = ((performance.now() - began) / 1000).toFixed(1)
    console.log(`== ${name}: ${code === 0 ? 'passed' : 'FAILED'} in ${seconds} s\n${out}${err}`)
    return code
  }),
)
process.exit(codes.every((code) => code === 0) ? 0 : 1)
