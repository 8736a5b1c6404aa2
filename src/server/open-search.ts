import { type Asset, asset } from '../http/asset.ts'

/** The console as a search engine for browsers, in OpenSearch 1.1, which requires complete addresses. `origin` is one that was checked. */
export const openSearch = (origin: string): Asset =>
  asset(
    {
      identity: `<?xml version="1.0" encoding="UTF-8"?>
<OpenSearchDescription xmlns="http://a9.com/-/spec/opensearch/1.1/">
  <ShortName>Waypost</ShortName>
  <Description>Links of ${new URL(origin).host}</Description>
  <InputEncoding>UTF-8</InputEncoding>
  <Image width="16" height="16" type="image/svg+xml">${origin}/console/favicon.svg</Image>
  <Url type="text/html" template="${origin}/console/links?q={searchTerms}"/>
  <Url type="application/opensearchdescription+xml" rel="self" template="${origin}/opensearch.xml"/>
</OpenSearchDescription>
`,
    },
    'application/opensearchdescription+xml; charset=utf-8',
  )
