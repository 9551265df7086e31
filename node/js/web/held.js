'use strict'

// The body of a response that its host holds as bytes or text, so that no stream need be made of it.
//
// Node's Hono server gives the web's `Response` another form: it keeps `[status, body, headers]` under a symbol of its own, sends that as it is, and makes
// a real response only for who asks for its body. Where there is nothing of this kind the body is read as every other.

/** That symbol, once a response had it. */
let key

/** The bytes of such a body; `null` where it is not at hand. */
function held (response) {
  if (key === undefined || !(key in response)) {
    const found = Object.getOwnPropertySymbols(response).find((symbol) => symbol.description === 'cache')
    if (found === undefined) return null
    key = found
  }
  const kept = response[key]
  if (!Array.isArray(kept) || kept.length !== 3 || kept[0] !== response.status) return null
  const body = kept[1]
  if (typeof body === 'string') return Buffer.from(body, 'utf8')
  return body instanceof Uint8Array ? body : null
}

module.exports = { held }
