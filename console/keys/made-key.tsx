import { useState } from 'preact/hooks'
import type { MadeKey } from '../../src/access/keys/schema.ts'
import { CopyButton } from '../kit/parts/copy.tsx'
import { Dialog } from '../kit/parts/dialog.tsx'
import { Text } from '../kit/parts/text.tsx'
import { session } from '../kit/server/session.ts'

type Props = {
  made: MadeKey
  /** It is the first key: from now on a session is required. */
  wasOpen: boolean
  close: () => void
}

/** Shows the key, once. Only a button closes it: Escape by accident would lose the key. */
export function MadeKeyDialog({ made, wasOpen, close }: Props) {
  const [warned, setWarned] = useState(false)
  const signedIn = session.caller?.key?.id === made.id
  const finish = () => {
    session.held = false
    if (wasOpen && !signedIn) session.refuse()
    close()
  }
  return (
    <Dialog
      title={`Key for ${made.name}`}
      class="made-key"
      close={() => setWarned(true)}
      actions={
        <>
          <CopyButton text={made.key} label="Copy" />
          <button type="button" class="button main" onClick={finish}>
            I’ve saved it
          </button>
        </>
      }
    >
      <p class="quiet">
        Copy it now: it won’t be shown again. Anyone with this key has <b>{made.scope}</b> access
        {made.user_id !== null && <> to the links and events of user {made.user_id}</>}
        {made.only_tag !== null && (
          <>
            {made.user_id === null ? ' to links' : ', if they are'} tagged <Text of={made.only_tag} />
          </>
        )}
        .
      </p>
      <p class="address">
        <code>{made.key}</code>
      </p>
      <p class="quiet">
        Send it as <code>Authorization: Bearer …</code>
      </p>
      {wasOpen && (
        <p class="note-line">
          <span class="sign warn" aria-hidden="true">
            ▲
          </span>{' '}
          {signedIn
            ? 'This is the first key of the server, so everyone must sign in from now on. You are signed in with it.'
            : made.scope === 'admin'
              ? 'This is the first key of the server, so everyone must sign in from now on. Sign in with this key.'
              : 'This is the first key of the server, so everyone must sign in from now on. It is no admin key: create one on the server with “waypost key create”.'}
        </p>
      )}
      {warned && (
        <p class="failure" role="alert">
          Save the key first. It cannot be shown again.
        </p>
      )}
    </Dialog>
  )
}
