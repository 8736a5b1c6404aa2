import { Elysia } from 'elysia'
import { needs } from '../../http/access.ts'
import type { Notifications } from './notifications.ts'
import { Standing } from './schema.ts'

export const notificationRoutes = ({ notifications }: { notifications: Pick<Notifications, 'standing'> }) =>
  new Elysia({ detail: { tags: ['Operations'] } }).get('/api/notices', () => notifications.standing(), {
    response: { 200: Standing },
    detail: {
      summary: 'Channels for notifications of alerts, and the last ones that the fleet sent',
      ...needs('read', { peers: true }),
    },
  })
