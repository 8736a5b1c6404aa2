import { run } from './commands/index.ts'

await run(process.argv.slice(2))
