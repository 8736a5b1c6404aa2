// Bun's `fetch` for the whole server. It redirects as soon as the parts are open; everything else waits until the pipeline is loaded.
import { codeOfPath } from '../base/ending.ts'
import type { Context } from './context.ts'
import type { Pipeline } from './pipeline.ts'

/** `load` loads the pipeline: call it once the port is open. */
export function createApp(context: Context) {
  const { visit } = context
  const loading = Promise.withResolvers<Pipeline>()
  let pipeline: Pipeline | undefined

  const through = (request: Request) => pipeline?.handle(request) ?? loading.promise.then(({ handle }) => handle(request))
  const nowhere = (request: Request) => pipeline?.nowhere(request) ?? loading.promise.then(({ nowhere }) => nowhere(request))
  const refuse = (request: Request, error: unknown) =>
    pipeline?.refuseRedirect(request, error) ?? loading.promise.then(({ refuseRedirect }) => refuseRedirect(request, error))

  return {
    fetch(request: Request): Response | Promise<Response> {
      const code = codeIn(request)
      if (code === undefined) return through(request)
      try {
        const answer = visit(request, code)
        if (!(answer instanceof Promise)) return answer ?? nowhere(request)
        return answer.then(
          (found) => found ?? nowhere(request),
          (error) => refuse(request, error),
        )
      } catch (error) {
        return refuse(request, error)
      }
    },
    async load() {
      const { createPipeline } = await import('./pipeline.ts')
      pipeline = await createPipeline(context)
      loading.resolve(pipeline)
    },
  }
}

const SLASH = 47

/** The code in the path of a GET or HEAD; undefined for the paths of routes and for invalid codes. */
function codeIn({ method, url }: Request): string | undefined {
  if ((method !== 'GET' && method !== 'HEAD') || url.charCodeAt(0) === SLASH) return undefined // without a Host header, `url` is only a path
  const start = url.indexOf('/', 8) + 1
  if (start === 0) return undefined
  const end = url.indexOf('?', start)
  return codeOfPath(end < 0 ? url.slice(start) : url.slice(start, end))
}
