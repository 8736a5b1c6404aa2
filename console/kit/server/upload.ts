// Uploads a file and reports the progress. fetch cannot, so this is the one place with XMLHttpRequest.
import { ApiError, UNREACHABLE } from './refusal.ts'
import { session } from './session.ts'

export type Progress = { sent: number; total: number }

/** Posts a file as multipart/form-data. Rejects with ApiError, or with the reason of `signal` if that aborts it. */
export function upload<T>(path: string, file: File, progress: (progress: Progress) => void, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    const body = new FormData()
    body.append('file', file)
    request.open('POST', path)
    request.setRequestHeader('Accept', 'application/json')
    request.upload.onprogress = ({ loaded, total }) => progress({ sent: loaded, total })
    request.onload = () => {
      const answer = json(request.responseText)
      if (request.status >= 200 && request.status < 300) return resolve(answer)
      if (request.status === 401) session.refuse()
      reject(
        new ApiError(request.status, answer?.error ?? `The server responded with status ${request.status}.`, answer?.details),
      )
    }
    request.onerror = () => reject(new ApiError(0, UNREACHABLE))
    request.onabort = () => reject(signal.reason)
    signal.addEventListener('abort', () => request.abort())
    request.send(body)
  })
}

function json(text: string) {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
