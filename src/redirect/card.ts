// The card of a link: chats and social networks show it instead of the page that the link leads to.
import { pathOf } from '../base/code-path.ts'
import type { Config } from '../config/config.ts'
import { addressOf } from '../http/address.ts'
import { transportSecurity } from '../http/headers.ts'
import type { Card, Rules } from './rules.ts'

/**
 * Programs that fetch a link to show a card. They get the card and no redirect, so search engines and browsers must not be among them. Apple Messages
 * sends facebookexternalhit and Twitterbot, Signal sends WhatsApp, Teams sends SkypeUriPreview.
 */
const AGENTS =
  /\b(?:Slackbot|Discordbot|facebookexternalhit|Facebot|Twitterbot|LinkedInBot|TelegramBot|SkypeUriPreview|redditbot|Mattermost-Bot)\b|^WhatsApp\b|\bMastodon\/|^Synapse \(bot|Bluesky Cardyb/i

export const isPreviewAgent = (userAgent: string) => AGENTS.test(userAgent)

/** Loads nothing: the image is for the program that shows the card. */
const HEADERS = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'private, no-store',
}

/** Returns a function that answers a visit with the card of the link. */
export function createCards(config: Config) {
  const secure = transportSecurity(config)
  return (request: Request, { card, link }: Rules): Response => {
    const base = config.PUBLIC_URL ?? addressOf(request, config.TRUSTED_PROXIES).origin
    const title = card!.title ?? `${base}/${link.code}`.replace(/^https?:\/\//, '')
    const response = new Response(cardPage({ ...card, title }, base + pathOf(link.code)), { headers: HEADERS })
    secure(request, response)
    return response
  }
}

/** A page with the card in its head. It does not have the target. Escapes the texts. */
export function cardPage({ title, description, image }: Card & { title: string }, shortUrl: string): string {
  const properties = { type: 'website', url: shortUrl, title, description, image }
  const lines = [
    ...Object.entries(properties).map(
      ([name, value]) => value && `<meta property="og:${name}" content="${Bun.escapeHTML(value)}">`,
    ),
    `<meta name="twitter:card" content="${image ? 'summary_large_image' : 'summary'}">`,
    description && `<meta name="description" content="${Bun.escapeHTML(description)}">`,
    `<link rel="canonical" href="${Bun.escapeHTML(shortUrl)}">`,
  ]
  return `<!doctype html>
<html prefix="og: https://ogp.me/ns#">
<head>
<meta charset="utf-8">
<title>${Bun.escapeHTML(title)}</title>
${lines.filter(Boolean).join('\n')}
</head>
<body>
<h1>${Bun.escapeHTML(title)}</h1>
<p>${Bun.escapeHTML(description ?? '')}</p>
</body>
</html>
`
}
