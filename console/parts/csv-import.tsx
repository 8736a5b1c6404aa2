import { useEffect, useRef, useState } from 'preact/hooks'
import { type ApiError, asApiError } from '../server/api.ts'
import { type Progress, upload } from '../server/upload.ts'
import { Dialog } from './dialog.tsx'
import { download } from './download.ts'
import { bytes, count } from './figures.ts'
import { sentence } from './trouble.tsx'

type Props = {
  /** What the rows become: links. */
  what: string
  /** Where the file goes: /urls/bulk. */
  path: string
  /** A header and a row, as an example. */
  template: string
  columns: { required: string[]; optional: string[] }
  /** One that was dropped on the page. */
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

/** Imports a CSV file: dropped or chosen, with its progress, and every row that was refused. All rows or none. */
export function CsvImport({ what, path, template, columns, file: dropped, close, done }: Props) {
  const [state, setState] = useState<State>({ is: 'asking' })
  const running = useRef<AbortController | undefined>(undefined)
  const begin = async (file: File) => {
    const { signal } = (running.current = new AbortController())
    setState({ is: 'sending', file, progress: { sent: 0, total: file.size } })
    try {
      const { imported } = await upload<{ imported: number }>(
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
            <b class="figure">{count(state.rows)}</b> {state.rows === 1 ? 'row' : 'rows'} of {state.file.name} imported. What was
            there already was left as it is.
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
    if (file.size > MAX_FILE) return setFault(`${file.name} has ${bytes(file.size)}, and 67.1 MB is the most: split it.`)
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
        <input type="file" accept=".csv,text/csv" class="unseen" onChange={(event) => receive(event.currentTarget.files)} />
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
        Its first row names the columns:{' '}
        {columns.required.map((name, index) => [index > 0 && ', ', <code key={name}>{name}</code>])}{' '}
        {columns.required.length === 1 ? 'is needed' : 'are needed'},{' '}
        {columns.optional.map((name, index) => [index > 0 && ', ', <code key={name}>{name}</code>])} may be there. All rows are
        imported or none.{' '}
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

/** What scrolls can be reached by the keyboard. */
const SCROLLS = { tabIndex: 0 }

/** "row 17, column email" in two parts. */
const placeOf = (field: string) => /^row (\d+)(?:, column (.+))?$/.exec(field)

function Refused({ file, error, again }: Extract<State, { is: 'refused' }> & { again: () => void }) {
  const rows = error.details.flatMap(({ field, message }) => {
    const [, row, column] = placeOf(field) ?? []
    return row ? [{ row, column, message }] : []
  })
  return (
    <div class="outcome">
      <p class="failure" role="alert">
        <span class="sign" aria-hidden="true">
          ■
        </span>{' '}
        Nothing of {file.name} was imported.{' '}
        {rows.length === 0
          ? sentence(error)
          : `${rows.length === 20 ? 'At least 20 rows are' : rows.length === 1 ? 'One row is' : `${rows.length} places are`} not as they should be:`}
      </p>
      {rows.length > 0 && (
        <section class="rows" aria-label="Refused rows" {...SCROLLS}>
          <table>
            <thead>
              <tr>
                <th scope="col" class="end">
                  Row
                </th>
                <th scope="col">Column</th>
                <th scope="col">What is wrong</th>
              </tr>
            </thead>
            <tbody>
              {rows.map(({ row, column, message }) => (
                <tr key={`${row} ${column}`}>
                  <td class="end figure">{count(Number(row))}</td>
                  <td>{column && <code>{column}</code>}</td>
                  <td>{message}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
      <footer>
        <button type="button" class="button main" onClick={again}>
          Another file
        </button>
      </footer>
    </div>
  )
}

/** Tells `take` of a file that is dropped anywhere on the page; true while one hovers over it. */
export function useDrop(take: (file: File) => void): boolean {
  const [over, setOver] = useState(false)
  const latest = useRef(take)
  latest.current = take
  useEffect(() => {
    const bringsFile = (event: DragEvent) =>
      event.dataTransfer?.types.includes('Files') === true && !document.querySelector('dialog[open]')
    const move = (event: DragEvent) => {
      if (!bringsFile(event)) return
      event.preventDefault()
      setOver(true)
    }
    const leave = (event: DragEvent) => event.relatedTarget === null && setOver(false)
    const drop = (event: DragEvent) => {
      if (!bringsFile(event)) return
      event.preventDefault()
      setOver(false)
      const [file] = event.dataTransfer?.files ?? []
      if (file) latest.current(file)
    }
    addEventListener('dragover', move)
    addEventListener('dragleave', leave)
    addEventListener('drop', drop)
    return () => {
      removeEventListener('dragover', move)
      removeEventListener('dragleave', leave)
      removeEventListener('drop', drop)
    }
  }, [])
  return over
}
