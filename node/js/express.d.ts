import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Guard, Identity } from './index.js'

export interface Options<Request extends IncomingMessage = IncomingMessage> {
  /**
   * The caller that an authenticating middleware before the guard verified. Where it gives nothing, the policy's
   * trusted headers may name the caller; where it throws, nothing passes.
   */
  identity? (req: Request): Identity | string | null | undefined | Promise<Identity | string | null | undefined>
}

/** Middleware of Express, connect and node:http. */
export interface Middleware<Request extends IncomingMessage = IncomingMessage> {
  (req: Request, res: ServerResponse, next: (error?: unknown) => void): void
}

/**
 * Takes each request and its response through the guard. It stands before any body parser. Without a policy,
 * `WARDLINE_POLICY` names its file.
 */
export function guard<Request extends IncomingMessage = IncomingMessage> (
  policy?: Guard | string, options?: Options<Request>): Middleware<Request>

/**
 * Lets a server answer a denial before the client sends its body: "100 Continue" goes out when the exchange, or the
 * service, is about to read.
 */
export function holdContinue<S extends Server> (server: S): S
