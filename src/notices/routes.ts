import { Elysia } from 'elysia'
import { needs } from '../http/access.ts'
import type { Notices } from './notices.ts'
import { Standing } from './schema.ts'

export const noticeRoutes = (notices: Pick<Notices, 'standing'>) =>
  new Elysia({ detail: { tags: ['Operations'] } }).get('/api/notices', () => notices.standing(), {
    response: { 200: Standing },
    detail: {
      summary: 'Whether notices of alerts are set up, and the last ones that the fleet sent',
      ...needs('read', { peers: true }),
    },
  })
