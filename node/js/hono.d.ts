import type { Context, MiddlewareHandler } from 'hono'
import type { Guard } from './index.js'
import type { Who } from './fetch.js'

export interface Options {
  /**
   * The caller that an authenticating middleware before the guard verified. Where it gives nothing, the policy's trusted
   * headers may name the caller; where it throws, nothing passes and `app.onError` gets the error.
   */
  identity? (c: Context): Who | Promise<Who>
}

/**
 * Middleware that takes each request and its response through the guard. It stands before whatever reads the body.
 * Without a policy, `WARDLINE_POLICY` names its file.
 */
export function guard (policy?: Guard | string, options?: Options): MiddlewareHandler
