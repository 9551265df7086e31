/// <reference types="node" />

import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Guard, Identity } from './index.js'

export interface Options<Request extends IncomingMessage = IncomingMessage> {
  /**
   * The caller that an authenticating middleware before this one verified: an identity, a name, or nothing. Where it
   * gives nothing, the policy's trusted headers may name the caller.
   */
  identity?: (req: Request) => Identity | string | null | undefined | Promise<Identity | string | null | undefined>
}

export type Middleware<Request extends IncomingMessage = IncomingMessage> =
  (req: Request, res: ServerResponse, next: (error?: unknown) => void) => void

/**
 * Middleware for Express, connect and node:http that takes each request and its response through the guard.
 * It stands before any body parser. Without a policy, `WARDLINE_POLICY` names its file.
 */
export function guard<Request extends IncomingMessage = IncomingMessage> (
  policy?: Guard | string, options?: Options<Request>): Middleware<Request>

/** Lets a server answer a denial before the client sends its body (`Expect: 100-continue`). */
export function holdContinue<S extends Server> (server: S): S
