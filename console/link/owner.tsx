import type { User } from '../../src/users/schema.ts'
import { Text } from '../kit/parts/text.tsx'
import { call } from '../kit/server/api.ts'
import { useResource } from '../kit/server/resource.ts'
import { session } from '../kit/server/session.ts'

/** The user that owns a link, by name: the id until that is known, and for a key that is bound to a tag, which sees no users. */
export function Owner({ id }: { id: number }) {
  const sees = session.offered?.only_tag == null
  const { data: user } = useResource(`owner ${id}`, {
    ask: async (signal) => (sees ? (await call<User>('GET', `/users/${id}`, { signal })).data : undefined),
  })
  return (
    <a class="owner" href={`/console/links?user=${id}`}>
      {user?.id === id ? <Text of={user.username} /> : id}
    </a>
  )
}
