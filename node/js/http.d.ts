import type { Agent } from 'node:http'
import type { Agent as SecureAgent } from 'node:https'
import type { Guard } from './index.js'
import type { Options } from './undici.js'

export { callerOf, type Caller, type Options } from './undici.js'

export interface AgentOptions extends Options {
  /** Sends what may go over http; by default an agent that keeps its connections. */
  http?: Agent
  /** The same over https. */
  https?: SecureAgent
}

/**
 * Agents for `http.request`, `https.request` and the clients that stand on them (axios, got, node-fetch), under the names that axios has for
 * them. Each request, those that redirects lead to as well, passes the guard on its way out, and its response on its way in. A denial is a
 * response with status 403 and the problem document; a response that is cut breaks off. TLS is that of the agent that sends.
 */
export function guardAgents (policy: Guard | string | undefined, options: AgentOptions): { httpAgent: Agent, httpsAgent: SecureAgent }
