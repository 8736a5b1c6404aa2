import { useState } from 'preact/hooks'
import type { MadeKey } from '../../src/keys/schema.ts'
import { CopyButton } from '../parts/copy.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { session } from '../server/session.ts'

type Props = {
  made: MadeKey
  /** It is the first key: without a session nobody is let in any more. */
  wasOpen: boolean
  close: () => void
}

/** The key, this once. Only a button closes it: a slip of Escape would lose the key. */
export function MadeKeyDialog({ made, wasOpen, close }: Props) {
  const [held, setHeld] = useState(false)
  const signedIn = session.caller?.key?.id === made.id
  const finish = () => {
    session.held = false
    if (wasOpen && !signedIn) session.refuse()
    close()
  }
  return (
    <Dialog
      title={`The key for ${made.name}`}
      class="made-key"
      close={() => setHeld(true)}
      actions={
        <>
          <CopyButton text={made.key} label="Copy" />
          <button type="button" class="button main" onClick={finish}>
            I have it
          </button>
        </>
      }
    >
      <p class="quiet">
        It is shown this once and kept nowhere. Who has it may do what <b>{made.scope}</b> may
        {made.user_id !== null && <> with what is user {made.user_id}’s</>}.
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
            ? 'It is the first key of this server, so from now on everybody signs in. You are signed in with it.'
            : made.scope === 'admin'
              ? 'It is the first key of this server, so from now on everybody signs in: you too, with it.'
              : `It is the first key of this server, so from now on everybody signs in, and no key may do everything: make an admin key on the server with “waypost key create”.`}
        </p>
      )}
      {held && (
        <p class="failure" role="alert">
          Take the key first: it cannot be shown again.
        </p>
      )}
    </Dialog>
  )
}
