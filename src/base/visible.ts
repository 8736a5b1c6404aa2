// Makes foreign text safe to show: in pages, in a terminal, in a mail.

/**
 * Characters that are invisible or reorder the text around them: control characters, direction marks, zero-width blanks, tags. Joiners stay, which
 * scripts and emoji need, and so do the tags of a flag.
 */
const HIDDEN =
  /\u{1F3F4}[\u{E0020}-\u{E007E}]+\u{E007F}|[\0-\x08\v\f\x0E-\x1F\x7F-\x9F\u00AD\u061C\u115F\u1160\u200B\u200E\u200F\u2028-\u202E\u2060-\u206F\u3164\uFEFF\uFFA0\uFFF9-\uFFFB\u{E0000}-\u{E007F}]|\u034F|\u17B4|\u17B5|\u180E|\p{Cs}/gu

/** Shows each hidden character: `gpj.exe`, reversed by U+202E, becomes `⟨U+202E⟩gpj.exe`. Tabs and line ends stay. */
export const visible = (text: string): string =>
  text.replace(HIDDEN, (found) =>
    found.startsWith('\u{1F3F4}') ? found : `⟨U+${found.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}⟩`,
  )

/** The same on one line, for a terminal's table or a subject. */
export const visibleLine = (text: string): string =>
  visible(text).replace(/[\t\r\n]/g, (found) => `⟨U+${found.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}⟩`)
