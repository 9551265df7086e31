'use strict'

// Where a redirect leads, as the Fetch standard (section "HTTP-redirect fetch") has it. `fetch` would follow it unseen.

const { leave } = require('../web/response.js')

const REDIRECTS = [301, 302, 303, 307, 308]
const MOST = 20
/** What is said of a body, and goes with it. */
const OF_BODY = ['content-encoding', 'content-language', 'content-location', 'content-type', 'content-length']
/** What is meant for the origin that was asked, and for no other. */
const OF_ORIGIN = ['authorization', 'proxy-authorization', 'cookie', 'host']

/**
 * The request that follows on this response; `null` where the response is the answer. `init` is what the first request
 * was made with: its body may be sent again. Throws, as `fetch` does, where it must not be followed.
 */
function follow (mode, request, response, init, hops) {
  if (mode === 'manual' || !REDIRECTS.includes(response.status)) return null
  const location = response.headers.get('location')
  if (location === null && mode !== 'error') return null
  leave(response.body)
  if (mode === 'error') throw failed('a redirect where none is expected')
  if (hops >= MOST) throw failed('more than 20 redirects')
  const from = new URL(request.url)
  if (!URL.canParse(location, from)) throw failed('a redirect to what is no URL')
  const to = new URL(location, from)
  if (to.protocol !== 'http:' && to.protocol !== 'https:') throw failed('a redirect to what is not HTTP')
  if (to.hash === '') to.hash = from.hash
  const headers = new Headers(request.headers)
  if (to.origin !== from.origin) {
    if (to.username !== '' || to.password !== '') throw failed('a redirect to another origin that names a user')
    for (const name of OF_ORIGIN) headers.delete(name)
  }
  const { status } = response
  let { method } = request
  let again
  const drops = ([301, 302].includes(status) && method === 'POST') || (status === 303 && method !== 'GET' && method !== 'HEAD')
  if (drops) {
    method = 'GET'
    for (const name of OF_BODY) headers.delete(name)
  } else if (request.body !== null) {
    const { body } = init
    if (!isKept(body)) throw failed('a redirect of a body that is gone once it was sent')
    // It has a boundary of its own each time it is sent.
    if (body instanceof FormData) headers.delete('content-type')
    again = body
  }
  return new Request(to, { ...init, method, headers, body: again, redirect: 'manual', signal: request.signal })
}

/** Whether a body can be sent more than once. */
function isKept (body) {
  return typeof body === 'string' || body instanceof ArrayBuffer || ArrayBuffer.isView(body) ||
    body instanceof Blob || body instanceof URLSearchParams || body instanceof FormData
}

function failed (why) {
  return new TypeError('fetch failed', { cause: new Error(why) })
}

module.exports = { follow }
