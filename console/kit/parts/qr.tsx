import { useMemo, useState } from 'preact/hooks'
import {
  CORRECTIONS,
  type Correction,
  isReadable,
  leastSize,
  MARGINS,
  outlineOf,
  PLAIN,
  qrCode,
  qrPng,
  SIZES,
  svgOf,
} from '../../../src/base/qr-code.ts'
import { CopyButton } from './copy.tsx'
import { Dialog } from './dialog.tsx'
import { download } from './download.ts'
import { Field, SelectField } from './field.tsx'
import { Down } from './icons.tsx'

/** The QR code of an address, to scan and to download. `name` is that of the files. */
export function QrDialog({ name, text, close }: { name: string; text: string; close: () => void }) {
  const [form, setForm] = useState({ ...PLAIN, size: String(PLAIN.size), margin: String(PLAIN.margin) })
  const change = (part: Partial<typeof form>) => setForm({ ...form, ...part })
  const { ecc, dark, light } = form
  const margin = wholeIn(form.margin, MARGINS)
  const code = useMemo(() => qrCode(text, { ecc, margin: margin ?? PLAIN.margin }), [text, ecc, margin])
  const sizes = { ...SIZES, min: leastSize(code) }
  const size = wholeIn(form.size, sizes)
  const faults = {
    size: size === undefined ? `Enter a number from ${sizes.min} to ${sizes.max}.` : undefined,
    margin: margin === undefined ? `Enter a number from ${MARGINS.min} to ${MARGINS.max}.` : undefined,
    colours: isReadable(form) ? undefined : 'Scanners cannot read this: use a dark colour on a much lighter one.',
  }
  const faulty = Object.values(faults).some(Boolean)
  const look = { size: size ?? PLAIN.size, dark, light }

  return (
    <Dialog
      title={`QR code of ${name}`}
      class="qr"
      close={close}
      actions={
        <>
          <button
            type="button"
            class="button"
            autofocus
            disabled={faulty}
            onClick={() => download(`${name}.svg`, new Blob([svgOf(code, look)], { type: 'image/svg+xml' }))}
          >
            <Down /> SVG
          </button>
          <button
            type="button"
            class="button"
            disabled={faulty}
            onClick={async () => download(`${name}.png`, new Blob([await qrPng(code, look)], { type: 'image/png' }))}
          >
            <Down /> PNG
          </button>
        </>
      }
    >
      <svg
        class="code"
        viewBox={`0 0 ${code.width} ${code.width}`}
        role="img"
        aria-label={`QR code that leads to ${text}`}
        shape-rendering="crispEdges"
      >
        <path fill={light} d={`M0 0h${code.width}v${code.width}H0z`} />
        <path fill={dark} d={outlineOf(code)} />
      </svg>
      <p class="address">
        <code>{text}</code>
        <CopyButton text={text} />
      </p>
      <details>
        <summary>Size, margin, colours</summary>
        <div class="options">
          <Field
            label="Size in pixels"
            inputMode="numeric"
            value={form.size}
            change={(size) => change({ size })}
            fault={faults.size}
          />
          <Field
            label="Margin in modules"
            inputMode="numeric"
            value={form.margin}
            change={(margin) => change({ margin })}
            fault={faults.margin}
            hint={`Scanners expect ${PLAIN.margin}.`}
          />
          <Field label="Dark" type="color" value={dark} change={(dark) => change({ dark })} fault={faults.colours} />
          <Field label="Light" type="color" value={light} change={(light) => change({ light })} />
          <SelectField
            label="Tolerates damage"
            options={CORRECTIONS.map((level) => [level, SHARES[level]] as const)}
            value={ecc}
            change={(ecc) => change({ ecc })}
          />
        </div>
      </details>
    </Dialog>
  )
}

const SHARES: Record<Correction, string> = { L: '7 % (L)', M: '15 % (M)', Q: '25 % (Q)', H: '30 % (H)' }

/** Undefined for anything but a whole number within the bounds. */
function wholeIn(text: string, { min, max }: { min: number; max: number }): number | undefined {
  const number = Number(text)
  return /^\d+$/.test(text.trim()) && number >= min && number <= max ? number : undefined
}
