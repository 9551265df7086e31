import type { Guard, Identity } from './index.js'

/** Who passes a request on: the identity that it was judged by, with the seal that it came with. */
export interface Caller extends Identity {
  seal?: string
}

type Told = Caller | string

export interface Options {
  /**
   * Who the requests are from: a name, an identity, that of a request under guard (`callerOf`), or a function that gives
   * one of them for each. The request's own credentials vouch for nobody here: they are for whom it goes to.
   */
  caller: Told | (() => Told)
}

export interface FetchOptions extends Options {
  /** Sends what may go; by default the `fetch` of the process. It is told to follow no redirect. */
  fetch? (request: Request, init: { redirect: 'manual' }): Promise<Response>
}

/**
 * A `fetch` whose requests, those that redirects lead to as well, pass the guard on their way out, and whose responses
 * pass it on their way in. A denial is a response with status 403 and the problem document; a response that is cut breaks
 * off. Where the policy says `sealed_for`, what goes out carries the seal of the caller.
 */
export function guardedFetch (policy: Guard | string | undefined, options: FetchOptions): typeof globalThis.fetch

/** What undici's `compose` takes. */
export type Interceptor = (dispatch: any) => (opts: any, handler: any) => boolean

/**
 * An interceptor for the `compose` of undici's dispatchers (undici 7 and newer), which guards like `guardedFetch`. It is composed first, so
 * that what others send again passes it too.
 */
export function guardInterceptor (policy: Guard | string | undefined, options: Options): Interceptor

/**
 * The caller that the guard judged this message by (a `Request`, or Node's own: `req`, `request.raw`, `c.req.raw`), for
 * requests that are made on their behalf; `undefined` where it is under no guard, or has been answered.
 */
export function callerOf (message: object): Caller | undefined
