import type { Guard, Identity } from './index.js'

/** The caller of a request, as whoever authenticates says it; nothing where nobody is known. */
export type Who = Identity | string | null | undefined

export interface Options {
  /**
   * The caller that was verified before the guard. Where it gives nothing, the policy's trusted headers may name the
   * caller; where it throws, nothing passes and the handler's caller gets the error.
   */
  identity? (request: Request, ...rest: any[]): Who | Promise<Who>
  /**
   * The address of the socket that the request came from. Where it is not given, what Node's Hono server, Deno and Bun
   * hand to a handler tells it; where nothing does, no peer is trusted.
   */
  address? (request: Request, ...rest: any[]): string | null | undefined
}

/** What answers a request: Hono's `app.fetch`, a route handler of Next.js, the `fetch` of a server. */
export type Handler<R extends Request = Request, Rest extends any[] = any[]> =
  (request: R, ...rest: Rest) => Response | Promise<Response>

/**
 * Wraps handlers so that each request and its response passes the guard. Without a policy, `WARDLINE_POLICY` names its
 * file.
 */
export function guard (policy?: Guard | string, options?: Options):
  <R extends Request = Request, Rest extends any[] = any[]>(handler: Handler<R, Rest>) => (request: R, ...rest: Rest) => Promise<Response>
