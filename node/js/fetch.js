'use strict'

// Any handler of the form `(request, ...rest) => Response`, under guard: Hono's `app.fetch`, route handlers of Next.js,
// servers of Bun and Deno.
//
//   export default { fetch: guard('wardline.yaml')(app.fetch) }
//   export const POST = guard('wardline.yaml')((request) => Response.json(...))

const { DOOR } = require('./door/codes.js')
const { entry, written, wrong } = require('./door/entry.js')
const { judgeRequest } = require('./web/door.js')
const { peer } = require('./web/peer.js')

/**
 * Wraps handlers so that each request and its response passes the guard.
 *
 * `identity(request, ...rest)` gives the caller that was verified (or a promise of it): `{subject, groups, issuer, claims,
 * hops}`, a name, or nothing; then the policy's trusted headers may name the caller, if they come from a trusted peer.
 * `address(request, ...rest)` gives that peer's address; where it is not given, what Node's Hono server, Deno and Bun hand
 * to a handler tells it. Without a policy, `WARDLINE_POLICY` names its file.
 */
function guard (policy, { identity, address = peer } = {}) {
  const door = entry(policy, { identity })
  if (typeof address !== 'function') throw wrong('expected address to be a function of the request')
  return (handler) => {
    if (typeof handler !== 'function') throw wrong('expected a handler: a function of a Request that gives a Response')
    return async function guarded (request, ...rest) {
      const who = door.identity === undefined ? null : written(await door.identity(request, ...rest))
      const handle = (passed) => handler.call(this, passed, ...rest)
      return judgeRequest(door.behind, DOOR.FETCH, request, address(request, ...rest), who, handle)
    }
  }
}

module.exports = { guard }
