// The import of a CSV file: by a button, or by a file that is dropped anywhere on the page.
import { useEffect, useRef, useState } from 'preact/hooks'
import { CsvImport, type Props } from './csv-import.tsx'
import { Up } from './icons.tsx'

/** What differs between pages. */
type Import = Omit<Props, 'file' | 'close'>

/** The button that opens the import, and its overlays: the dialog, and a hint while a file is dragged. Neither if it is not allowed. */
export function useImport(of: Import, allowed: boolean) {
  const [importing, setImporting] = useState<{ file?: File }>()
  const dropping = useDrop((file) => allowed && setImporting({ file }))
  return {
    button: allowed && (
      <button type="button" class="button" onClick={() => setImporting({})}>
        <Up /> Import
      </button>
    ),
    over: (
      <>
        {dropping && allowed && (
          <p class="drop-here" role="status">
            Drop the file to import {of.what}
          </p>
        )}
        {importing && <CsvImport {...of} file={importing.file} close={() => setImporting(undefined)} />}
      </>
    ),
  }
}

/** Calls `take` with a file that is dropped anywhere on the page. Returns true while one is dragged over it. */
function useDrop(take: (file: File) => void): boolean {
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
