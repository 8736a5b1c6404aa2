import { known } from '../kit/browser/keys.ts'
import { Dialog } from '../kit/parts/dialog.tsx'
import { may } from '../kit/server/scope.ts'
import { useAllowed } from './rail.tsx'

const EVERYWHERE: Record<string, string> = {
  'Ctrl K': 'Find a page, a link or an action',
  '/': 'Search on this page',
  z: 'Undo the last action',
  '?': 'Show this help',
}

/** Every shortcut that works now. */
export function Help({ close, anywhere }: { close: () => void; anywhere: () => void }) {
  const here = Object.assign({}, ...known.values()) as Record<string, string>
  const jumps = Object.fromEntries(useAllowed().map(({ key, title }) => [`g ${key}`, title]))
  return (
    <Dialog title="Keyboard shortcuts" close={close} class="help">
      <Keys title="Everywhere" keys={EVERYWHERE} />
      {Object.keys(here).length > 0 && <Keys title="On this page" keys={here} />}
      <Keys title="Go to" keys={jumps} />
      {may('write', { bound: true }) && (
        <button type="button" class="link-button" onClick={anywhere}>
          Add links from anywhere
        </button>
      )}
    </Dialog>
  )
}

function Keys({ title, keys }: { title: string; keys: Record<string, string> }) {
  return (
    <section>
      <h3>{title}</h3>
      <dl>
        {Object.entries(keys).map(([key, word]) => (
          <>
            <dt>
              {key.split(' ').map((part) => (
                <kbd key={part}>{part}</kbd>
              ))}
            </dt>
            <dd>{word}</dd>
          </>
        ))}
      </dl>
    </section>
  )
}
