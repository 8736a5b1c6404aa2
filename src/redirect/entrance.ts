// The pages in front of the target of a link with a password, a button or limited clicks. Programs that only look at links get a page without the
// target, so that no preview uses up a click.
import type { Limits } from '../access/limits/limits.ts'
import { hostOf } from '../base/host.ts'
import { type Page, Problem } from '../base/problem.ts'
import { isBot } from '../clicks/visitor.ts'
import type { Config } from '../config/config.ts'
import { transportSecurity } from '../http/headers.ts'
import { answerPage, prefersHtml } from '../http/pages.ts'
import type { RedirectFigures } from './figures.ts'
import { passwordCheck, passwordInForm, passwordInHeader } from './password.ts'
import type { Rules } from './rules.ts'
import { isSpeculative } from './speculative.ts'

const PASSWORD: Page = {
  title: 'This link needs a password',
  text: 'Enter the password that came with the link.',
  form: 'password',
}
const WRONG: Page = {
  title: 'Wrong password',
  text: 'This is not the password of this link. Please try again.',
  form: 'password',
}
/** With a button, for a person whose browser is taken for a program. */
const FOR_PEOPLE: Page = {
  title: 'Open this link',
  text: 'Press the button to continue. This way, programs that only look at links do not use it up.',
  form: 'confirm',
}
const confirmPage = (target: string, isLimited: boolean): Page => ({
  title: `Continue to ${hostOf(target)}?`,
  text: 'This link leads to another site.',
  note: isLimited ? 'It works a limited number of times.' : '',
  form: 'confirm',
})

/** Whether a visit may get a page with a form before the target. Such a link accepts POST. */
export const isGuarded = ({ password, confirm, click_limit }: Rules) =>
  password !== undefined || confirm === true || click_limit !== undefined

type Parts = { config: Config; figures: RedirectFigures; limits: Pick<Limits, 'guardPassword'> }

/**
 * Returns a function that answers a visit of a guarded link, or returns undefined if the visit may continue to the target. Throws 401 or 403 for a missing
 * or wrong password, and 429.
 */
export function createEntrance({ config, figures, limits }: Parts) {
  const isRight = passwordCheck(limits)
  const secure = transportSecurity(config)

  return (
    request: Request,
    rules: Rules,
    target: string,
    started: number,
  ): Response | undefined | Promise<Response | undefined> => {
    const { method, headers } = request
    const isPost = method === 'POST'
    if (!isPost && isSpeculative(headers)) {
      figures.failed('page')
      return new Response(null, { status: 503, headers: NOT_IN_ADVANCE })
    }
    if (rules.password !== undefined) return byPassword(rules.password)
    const isLimited = rules.click_limit !== undefined
    if (isPost) return isOurForm(headers) ? undefined : show(confirmPage(target, isLimited))
    if (method === 'HEAD' || isBot(headers.get('user-agent') ?? '')) return show(FOR_PEOPLE)
    return rules.confirm ? show(confirmPage(target, isLimited)) : undefined

    async function byPassword(hash: string): Promise<Response | undefined> {
      if (isPost && !isOurForm(headers)) return show(PASSWORD)
      const given = isPost ? await passwordInForm(request) : passwordInHeader(request)
      if (given === '') return ask()
      if (!(await isRight(request, rules.link.id, hash, given))) throw refusal('wrong password', WRONG)
      return method === 'HEAD' && rules.click_limit !== undefined ? show(FOR_PEOPLE) : undefined
    }

    function ask(): Response {
      if (prefersHtml(request)) return show(PASSWORD)
      throw refusal('this link needs its password: send Authorization: Basic with any user name', PASSWORD)
    }

    /** A browser that gets 401 asks for a user name, too, so a form gets 403. */
    function refusal(text: string, page: Page): Problem {
      figures.failed('page')
      return isPost ? new Problem(403, text, { page }) : new Problem(401, text, { page, headers: CHALLENGE })
    }

    function show(page: Page): Response {
      const response = answerPage(200, page)
      secure(request, response)
      figures.showed(method, performance.now() - started)
      return response
    }
  }
}

/** A browser drops a prefetched response like this, and sends a request when the visitor follows the link. */
const NOT_IN_ADVANCE = { 'Cache-Control': 'private, no-store' }

const CHALLENGE = { 'WWW-Authenticate': 'Basic realm="the password of this link", charset="UTF-8"' }

/** False for a form that a page of another site sends: it would press the button for the visitor. */
const isOurForm = (headers: Headers) => !/^(cross|same)-site$/.test(headers.get('sec-fetch-site') ?? '')
