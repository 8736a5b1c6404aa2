// The Overview of the console, open in a browser for the whole run: reads its texts.
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
    /** The lines of the banner, and one for each replica in the strip. Empty while the page does not respond. */
    read: () =>
      page
        .evaluate(() =>
          [...document.querySelectorAll<HTMLElement>('.banner li, .replicas .member')].map((one) =>
            // biome-ignore lint/performance/useDomNodeTextContent: as rendered, with blanks between the parts
            one.innerText.replace(/[■▲]/g, '').replace(/\s+/g, ' ').trim(),
          ),
        )
        .catch((): string[] => []),
    /** Resolves when the page is live. After all replicas were down it retries within 15 s. */
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
