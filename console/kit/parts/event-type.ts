import { SYSTEM_TYPES } from '../../../src/events/system.ts'

/** "alias added" for `alias_added`; types of clients stay as they are. */
export const typeWords = (type: string) => (SYSTEM_TYPES.includes(type) ? type.replaceAll('_', ' ') : type)
