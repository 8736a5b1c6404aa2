const MOST = 1024 ** 3
const BLOCK = 8 * 1024 ** 2
const EVERY = 5 // ms between blocks: filling one takes about 3 ms, and requests continue in between

/** Allocates a `share` of 1 GiB, or of half of the free memory if that is less, so that the kernel does not kill the process. */
export function fill(share: number): () => void {
  const blocks: ArrayBuffer[] = []
  const most = share * Math.min(MOST, process.availableMemory() / 2)
  const timer = setInterval(() => {
    if ((blocks.length + 1) * BLOCK > most) return clearInterval(timer)
    const block = new ArrayBuffer(BLOCK)
    new Uint8Array(block).fill(1) // pages that were never written take no memory
    blocks.push(block)
  }, EVERY)
  return () => {
    clearInterval(timer)
    for (const block of blocks) block.transfer(0) // frees it at once, not at the next garbage collection
    blocks.length = 0
  }
}
