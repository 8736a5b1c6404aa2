import { counted } from '../../../src/base/counted.ts'
import type { ApiError } from '../server/api.ts'
import { count } from './figures.ts'
import { Text } from './text.tsx'
import { sentence } from './trouble.tsx'

/** A scrolling area must be reachable by keyboard. */
const SCROLLS = { tabIndex: 0 }

/** "row 17, column email" in two parts. */
const placeOf = (field: string) => /^row (\d+)(?:, column (.+))?$/.exec(field)

/** Every invalid row, and why. */
export function Refused({ file, error, again }: { file: File; error: ApiError; again: () => void }) {
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
        Nothing was imported from <Text of={file.name} />.{' '}
        {rows.length === 0
          ? sentence(error)
          : `${rows.length === 20 ? 'At least 20 problems' : counted(rows.length, 'problem')}:`}
      </p>
      {rows.length > 0 && (
        <section class="rows" aria-label="Invalid rows" {...SCROLLS}>
          <table>
            <thead>
              <tr>
                <th scope="col" class="end">
                  Row
                </th>
                <th scope="col">Column</th>
                <th scope="col">Problem</th>
              </tr>
            </thead>
            <tbody>
              {rows.map(({ row, column, message }) => (
                <tr key={`${row} ${column}`}>
                  <td class="end figure">{count(Number(row))}</td>
                  <td>
                    {column && (
                      <code>
                        <Text of={column} />
                      </code>
                    )}
                  </td>
                  <td>
                    <Text of={message} />
                  </td>
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
