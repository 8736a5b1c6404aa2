import { useEffect, useRef, useState } from 'preact/hooks'
import type { ImportedFile } from '../../../src/import/schema.ts'
import { type ApiError, asApiError } from '../server/api.ts'
import { type Progress, upload } from '../server/upload.ts'
import { Refused } from './csv-refused.tsx'
import { Dialog } from './dialog.tsx'
import { download } from './download.ts'
import { bytes, count } from './figures.ts'

export type Props = {
  /** What the rows are, in the plural: links. */
  what: string
  /** The route that takes the file: /urls/bulk. */
  path: string
  /** A header and one example row. */
  template: string
  columns: { required: string[]; optional: string[] }
  /** A file that was dropped on the page. */
  file?: File
  close: () => void
  /** Called after an import. */
  done: () => void
}

type State =
  | { is: 'asking' }
  | { is: 'sending'; file: File; progress: Progress }
  | { is: 'done'; file: File; rows: number }
  | { is: 'refused'; file: File; error: ApiError }

const MAX_FILE = 64 * 1024 * 1024

/** Imports a CSV file, dropped or chosen: shows the progress, and every invalid row. Imports all rows or none. */
export function CsvImport({ what, path, template, columns, file: dropped, close, done }: Props) {
  const [state, setState] = useState<State>({ is: 'asking' })
  const running = useRef<AbortController | undefined>(undefined)
  const begin = async (file: File) => {
    const { signal } = (running.current = new AbortController())
    setState({ is: 'sending', file, progress: { sent: 0, total: file.size } })
    try {
      const { imported } = await upload<ImportedFile>(
        path,
        file,
        (progress) => setState({ is: 'sending', file, progress }),
        signal,
      )
      setState({ is: 'done', file, rows: imported })
      done()
    } catch (thrown) {
      if (!signal.aborted) setState({ is: 'refused', file, error: asApiError(thrown) })
    }
  }
  useEffect(() => {
    if (dropped) void begin(dropped)
    return () => running.current?.abort(new Error('closed'))
  }, [dropped])

  return (
    <Dialog title={`Import ${what}`} class="csv" close={close}>
      {state.is === 'asking' && <Drop take={begin} columns={columns} what={what} template={template} />}
      {state.is === 'sending' && (
        <Sending
          {...state}
          cancel={() => {
            running.current?.abort(new Error('cancelled'))
            setState({ is: 'asking' })
          }}
        />
      )}
      {state.is === 'done' && (
        <div role="status" class="outcome">
          <p>
            <span class="sign good" aria-hidden="true">
              ●
            </span>{' '}
            <b class="figure">{count(state.rows)}</b> {state.rows === 1 ? 'row' : 'rows'} imported from {state.file.name}. Rows
            that already existed were skipped.
          </p>
          <footer>
            <button type="button" class="button" onClick={() => setState({ is: 'asking' })}>
              Another file
            </button>
            <button type="button" class="button main" onClick={close}>
              Done
            </button>
          </footer>
        </div>
      )}
      {state.is === 'refused' && <Refused {...state} again={() => setState({ is: 'asking' })} />}
    </Dialog>
  )
}

function Drop({ take, columns, what, template }: { take: (file: File) => void } & Pick<Props, 'columns' | 'what' | 'template'>) {
  const [over, setOver] = useState(false)
  const [fault, setFault] = useState('')
  const receive = (files: FileList | null | undefined) => {
    const [file] = files ?? []
    if (!file) return
    if (file.size > MAX_FILE)
      return setFault(`${file.name} has ${bytes(file.size)}. The limit is ${bytes(MAX_FILE)}: split the file.`)
    take(file)
  }
  return (
    <>
      <label
        class={over ? 'drop over' : 'drop'}
        onDragOver={(event) => {
          event.preventDefault()
          setOver(true)
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault()
          event.stopPropagation()
          setOver(false)
          receive(event.dataTransfer?.files)
        }}
      >
        <input
          type="file"
          accept=".csv,.tsv,.txt,text/csv,text/tab-separated-values"
          class="unseen"
          onChange={(event) => receive(event.currentTarget.files)}
        />
        <span>
          Drop a CSV file here, or <u>choose one</u>
        </span>
      </label>
      {fault && (
        <p class="failure" role="alert">
          {fault}
        </p>
      )}
      <p class="quiet">
        Columns (in the first row): {columns.required.map((name, index) => [index > 0 && ', ', <code key={name}>{name}</code>])}{' '}
        {columns.required.length === 1 ? 'is required' : 'are required'};{' '}
        {columns.optional.map((name, index) => [index > 0 && ', ', <code key={name}>{name}</code>])} are optional. If any row is
        invalid, nothing is imported.{' '}
        <button
          type="button"
          class="link-button"
          onClick={() => download(`${what}.csv`, new Blob([template], { type: 'text/csv' }))}
        >
          Download a template
        </button>
      </p>
    </>
  )
}

function Sending({ file, progress: { sent, total }, cancel }: Extract<State, { is: 'sending' }> & { cancel: () => void }) {
  const arrived = sent >= total
  return (
    <div class="sending" role="status">
      <p>
        {file.name} <span class="quiet figure">{bytes(file.size)}</span>
      </p>
      <progress aria-label={`Import of ${file.name}`} {...(arrived ? {} : { value: sent, max: total })} />
      <p class="quiet figure">
        {arrived ? 'Checking and storing the rows…' : `${bytes(sent)} sent`}
        <button type="button" class="link-button" onClick={cancel}>
          Cancel
        </button>
      </p>
    </div>
  )
}
