import { useMemo } from 'preact/hooks'
import { CopyButton } from './copy.tsx'
import { Dialog } from './dialog.tsx'
import { download } from './download.ts'
import { Down } from './icons.tsx'
import { pngOf, qrCode, svgOf } from './qr-code.ts'

/** The QR code of an address, to scan and to download. `name` is that of the files. */
export function QrDialog({ name, text, close }: { name: string; text: string; close: () => void }) {
  const code = useMemo(() => qrCode(text), [text])
  return (
    <Dialog
      title={`QR code of ${name}`}
      class="qr"
      close={close}
      actions={
        <>
          <button type="button" class="button" onClick={() => download(`${name}.svg`, svgOf(code))}>
            <Down /> SVG
          </button>
          <button type="button" class="button" onClick={async () => download(`${name}.png`, await pngOf(code))}>
            <Down /> PNG
          </button>
        </>
      }
    >
      <svg viewBox={`0 0 ${code.size} ${code.size}`} role="img" aria-label={`QR code that leads to ${text}`}>
        <path d={code.path} />
      </svg>
      <p class="address">
        <code>{text}</code>
        <CopyButton text={text} />
      </p>
    </Dialog>
  )
}
