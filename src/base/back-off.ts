/** Delay after `failures` consecutive failures (1, 2, …): `first`, then doubled each time, up to `most`. */
export const backOff = (failures: number, first: number, most: number): number => Math.min(most, first * 2 ** (failures - 1))
