const MOST = 1024 ** 3
const BLOCK = 8 * 1024 ** 2
const EVERY = 5 // ms from one block to the next: filling one takes some 3, and requests go on in between

/** Holds a `share` of 1 GiB, or of half of what is free where that is less, so that pressure does not become a kill. */
export function fill(share: number): () => void {
  const blocks: ArrayBuffer[] = []
  const most = share * Math.min(MOST, process.availableMemory() / 2)
  const timer = setInterval(() => {
    if ((blocks.length + 1) * BLOCK > most) return clearInterval(timer)
    const block = new ArrayBuffer(BLOCK)
    new Uint8Array(block).fill(1) // a page that nobody wrote to takes no memory
    blocks.push(block)
  }, EVERY)
  return () => {
    clearInterval(timer)
    for (const block of blocks) block.transfer(0) // gives it back at once, not when it is collected
    blocks.length = 0
  }
}
