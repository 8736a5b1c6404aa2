/** The seed of what a test makes at random. It is printed, and the environment variable FC_SEED repeats it; `what` says whose it is. */
export function printedSeed(what: string): number {
  const seed = process.env.FC_SEED ? Number(process.env.FC_SEED) : Math.floor(Math.random() * 2 ** 31)
  console.info(`${what}: FC_SEED=${seed}`)
  return seed
}
