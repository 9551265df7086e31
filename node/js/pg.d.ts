import type { Pool } from 'pg'
import type { Guard } from './index.js'
import type { Who } from './fetch.js'

export interface Options {
  /** The policy's service that the database is, such as `warehouse` of `services: {warehouse: {system: postgres}}`. */
  service: string
  /** Who sends the statements, or a function that tells it, called where `query` is. */
  identity?: Who | (() => Who)
}

/**
 * Has every statement that goes through a pool of node-postgres judged, and its rows read before they are handed on; gives
 * the pool again. The pool may have no connections yet. `query` rejects with `code`, and `approval` where people are asked.
 */
export function guardPool<P extends Pool> (pool: P, policy: Guard | string | undefined, options: Options): P
