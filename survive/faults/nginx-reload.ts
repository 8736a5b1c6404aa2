import type { Fault } from '../fault.ts'

export const nginxReload: Fault = {
  name: 'nginx-reload',
  about: 'nginx reloads its configuration every second',
  signs: { nginx: /\(SIGHUP\) received.*reconfiguring/ }, // no request is lost, so the replicas have nothing to tell
  async begin({ reloadNginx }, { seconds }) {
    for (let i = 0; i < seconds - 1; i++) {
      reloadNginx()
      await Bun.sleep(1_000)
    }
    return { end: async () => {} }
  },
}
