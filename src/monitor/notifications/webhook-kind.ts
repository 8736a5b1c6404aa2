export type WebhookKind = 'discord' | 'slack' | 'webhook'

/** The format that the host of a webhook's URL expects. */
export function webhookKind(url: string): WebhookKind {
  const host = new URL(url).hostname
  if (/(^|\.)discord(app)?\.com$/.test(host)) return 'discord'
  return /^hooks\.slack(-gov)?\.com$/.test(host) ? 'slack' : 'webhook'
}
