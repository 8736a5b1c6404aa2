import { visible } from '../../../src/base/visible.ts'

/** Text that others wrote: it cannot reverse the text around it, or hide characters. */
export const Text = ({ of }: { of: string }) => <bdi>{visible(of)}</bdi>
