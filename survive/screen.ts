// One page of the console, its Overview, open in a browser for the whole run: what a person reads there.
import { hasBrowser, visit } from '../test/browser.ts'

export type Screen = Awaited<ReturnType<typeof openScreen>>

/** Undefined where no browser is installed, or the console is not built. */
export const canLook = hasBrowser

/** Opens it through nginx, as operators do, and signs in. */
export async function openScreen({ url, token }: { url: string; token: string }) {
  const { page, open, close } = await visit(url, { token })
  await open('')
  await page.locator('.replicas .member').first().waitFor()
  return {
    /** The lines of the banner, and one for each replica in the strip. Nothing while the page cannot be asked. */
    read: () =>
      page
        .evaluate(() =>
          [...document.querySelectorAll<HTMLElement>('[aria-label="What is wrong"] li, .replicas .member')].map((one) =>
            // biome-ignore lint/performance/useDomNodeTextContent: as it is read, with what stands apart apart
            one.innerText.replace(/[■▲]/g, '').replace(/\s+/g, ' ').trim(),
          ),
        )
        .catch((): string[] => []),
    /** Resolves when it is told of the fleet each second; after all replicas were gone it waits up to 15 s before it asks again. */
    live: () =>
      page
        .locator('.state.good', { hasText: /live$/ })
        .first()
        .waitFor({ timeout: 20_000 })
        .catch(() => {}),
    picture: (path: string) => page.screenshot({ path }).catch(() => undefined),
    close,
  }
}
