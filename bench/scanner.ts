// `scanner.ts <url> <rate>`: asks for random codes, so many a second, until it is killed. Each run asks for the same ones.
import { randomFrom } from '../survive/random.ts'

const random = randomFrom(1)
const [url, rate] = process.argv.slice(2)
for (;;) {
  const next = Bun.sleep(10)
  await Promise.all(
    Array.from({ length: Number(rate) / 100 }, () =>
      fetch(`${url}/x${random.next().toString(36).slice(2)}`).then(
        (answer) => answer.arrayBuffer(),
        () => {},
      ),
    ),
  )
  await next
}
