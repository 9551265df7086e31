'use strict'

// `fetch` with a guard before the network: every request that leaves, those that a redirect leads to as well, is judged
// as an exchange of its caller's, and so is what comes back.
//
//   const client = new OpenAI({ fetch: guardedFetch('wardline.yaml', { caller: 'svc-ingest' }) })

const { DOOR } = require('../door/codes.js')
const { outgoing, wrong } = require('../door/entry.js')
const { judgeRequest } = require('../web/door.js')
const { leave } = require('../web/response.js')
const { follow } = require('./redirect.js')

/** Codings that every `fetch` undoes; no request asks for others. */
const UNDONE = ['gzip', 'x-gzip', 'deflate', 'br']

/**
 * A `fetch` whose requests are `caller`'s: a name, an identity (`callerOf` gives that of a request under guard, to be
 * passed on), or a function that gives one for each call. A denial is a response like any other: status 403 and the
 * problem document. `fetch` sends what may go; by default it is the one of the process.
 */
function guardedFetch (policy, { caller, fetch = globalThis.fetch } = {}) {
  const { behind, who } = outgoing(policy, { caller })
  if (typeof fetch !== 'function') throw wrong('expected fetch to be a function')

  return async function guarded (input, given) {
    const init = given ?? {}
    const first = new Request(input, { ...init, redirect: 'manual' })
    const mode = init.redirect ?? (input instanceof Request ? input.redirect : 'follow')
    const send = async (request) => {
      // The length is that of the body that goes, and fetch says it itself.
      request.headers.delete('content-length')
      if (!request.headers.has('accept-encoding')) request.headers.set('accept-encoding', 'gzip, deflate, br')
      // Whatever class the request is of by now: nothing is followed unseen.
      return undone(await fetch(request, { redirect: 'manual' }))
    }
    const identity = who()
    let request = first
    for (let hops = 0; ; hops++) {
      const response = await judgeRequest(behind, DOOR.FETCH_EGRESS, request, null, identity, send)
      if (first.signal.aborted) {
        leave(response.body)
        throw first.signal.reason
      }
      const next = follow(mode, request, response, init, hops)
      if (next === null) return located(response, request.url, hops > 0)
      request = next
    }
  }
}

/** The response without a coding that `fetch` has undone, and the length that the packed body had. */
function undone (response) {
  const codings = (response.headers.get('content-encoding') ?? '').toLowerCase().split(',').map((coding) => coding.trim())
  if (response.body === null || !codings.every((coding) => UNDONE.includes(coding))) return response
  const headers = new Headers(response.headers)
  headers.delete('content-encoding')
  headers.delete('content-length')
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers })
}

/** The response, saying where it comes from. */
function located (response, url, redirected) {
  return Object.defineProperties(response, {
    url: { value: url.split('#')[0], configurable: true },
    redirected: { value: redirected, configurable: true }
  })
}

module.exports = { guardedFetch }
