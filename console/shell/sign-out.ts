import { toast } from '../parts/toast.tsx'
import { asApiError, call } from '../server/api.ts'
import { session } from '../server/session.ts'

export const signOut = () =>
  call('DELETE', '/api/session').then(session.refuse, (error) =>
    toast({ text: `Still signed in. ${asApiError(error).message}`, tone: 'bad' }),
  )
