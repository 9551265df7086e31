import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import type { Guard } from './index.js'
import type { Who } from './fetch.js'

export interface Options {
  /** A guard, or the path of a policy; `WARDLINE_POLICY` names one where it is not given. */
  policy?: Guard | string
  /**
   * The caller that an `onRequest` hook before the guard verified. Where it gives nothing, the policy's trusted headers
   * may name the caller; where it throws, nothing passes and Fastify's error handler gets the error.
   */
  identity? (request: FastifyRequest): Who | Promise<Who>
}

/**
 * A plugin that takes each request of the instance that it is registered on, and of those below, through the guard. It is
 * registered before plugins that bring routes; after others it refuses.
 */
export const guard: FastifyPluginAsync<Options>
