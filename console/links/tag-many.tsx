import { useState } from 'preact/hooks'
import { Dialog } from '../kit/parts/dialog.tsx'
import { TagField, tagsIn } from '../kit/parts/tags.tsx'

type Props = {
  /** 50 links */
  those: string
  change: (set: { add_tags?: string[]; remove_tags?: string[] }) => void
  close: () => void
}

/** Adds tags to many links, and removes tags from them. */
export function TagMany({ those, change, close }: Props) {
  const [add, setAdd] = useState('')
  const [remove, setRemove] = useState('')
  return (
    <Dialog title={`Tags of ${those}`} close={close}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          if (!add && !remove) return
          close()
          change({ ...(add && { add_tags: tagsIn(add) }), ...(remove && { remove_tags: tagsIn(remove) }) })
        }}
      >
        <TagField label="Add" value={add} change={setAdd} />
        <TagField label="Remove" value={remove} change={setRemove} />
        <footer>
          <button type="button" class="button" onClick={close}>
            Cancel
          </button>
          <button type="submit" class="button main">
            Change
          </button>
        </footer>
      </form>
    </Dialog>
  )
}
