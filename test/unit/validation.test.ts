// Sentences about invalid fields of a body.
import { describe, expect, test } from 'bun:test'
import { Value } from '@sinclair/typebox/value'
import { validationProblem } from '../../src/http/validation.ts'
import { NewLink } from '../../src/links/schema.ts'

/** The field and the message for a link with this value of a field. */
function refusal(given: object) {
  const problem = validationProblem(Value.Errors(NewLink, { original_url: 'https://example.com/', ...given }))
  return problem.details?.map(({ field, message }) => `${field} ${message}`)
}

describe('a field that may be null', () => {
  test.each<[given: object, message: string]>([
    [{ valid_from: 'tomorrow' }, 'valid_from must be a time with a zone, such as 2026-12-31T23:59:59Z, or null'],
    [{ valid_until: '2026-12-31T23:59:59' }, 'valid_until must be a time with a zone, such as 2026-12-31T23:59:59Z, or null'],
    [{ valid_from: 5 }, 'valid_from must be a string or null'],
    [{ forward_query: 'maybe' }, 'forward_query must be off, add or override, or null'],
    [{ short_code: 'ab' }, 'short_code must have 3 to 64 characters'],
    [{ short_code: 'a b!' }, 'short_code has characters that are not allowed'],
    [{ max_clicks: 0 }, 'max_clicks must be from 1 up or null'],
    [{ max_clicks: '100' }, 'max_clicks must be a whole number or null'],
    [{ noindex: 'yes' }, 'noindex must be true or false, or null'],
    [{ tags: 'a,b' }, 'tags must be a list or null'],
    [{ tags: [1] }, 'tags[0] must be a string'],
    [{ card: 'a' }, 'card must be an object or null'],
    [{ card: { titel: 'a' } }, 'card.titel is unknown'],
    [{ note: 'x'.repeat(2_001) }, 'note must have at most 2000 characters'],
  ])('%j', (given, message) => expect(refusal(given)).toEqual([message]))
})

test('a field of several types names the first one', () =>
  expect(refusal({ password: '' })).toEqual(['password must be a string of 1 to 200 characters or null']))
