'use strict'

// A `Request` as the guard reads it, and the one that goes on in its place.

const { alreadyRead } = require('../door/entry.js')
const headers = require('./headers.js')
const { Source } = require('./source.js')

/** A body whose declared length is at most this is asked for whole: hosts have a shorter way to that than a stream. */
const WHOLE = 1 << 20

/** The body of a request; it is not touched before it is asked for. */
class RequestSource {
  #request
  #source = null

  constructor (request) {
    // A host may make the request only once it is asked for more than its head.
    if (mayHaveBody(request) && request.bodyUsed) throw alreadyRead()
    this.#request = request
  }

  /** Whether its method knows no body. */
  get none () {
    return !mayHaveBody(this.#request)
  }

  async next () {
    if (this.#source !== null) return this.#source.next()
    const request = this.#request
    const declared = headers.length(request.headers)
    if (!mayHaveBody(request)) {
      this.#source = new Source(null)
    } else if (declared < 0 || declared > WHOLE) {
      this.#source = new Source(request.body)
    } else {
      this.#source = new Source(null)
      const bytes = new Uint8Array(await request.arrayBuffer())
      if (bytes.length > 0) return bytes
    }
    return this.#source.next()
  }

  async cancel (reason) {
    await this.#source?.cancel(reason)
  }
}

/** The same request, of the same class, with these edits and, where one is given, this body. */
function forwarded (request, edits, body) {
  if (edits === null && body === undefined) return request
  const init = { headers: headers.edited(request.headers, edits) }
  if (body !== undefined && mayHaveBody(request)) Object.assign(init, { body, duplex: 'half' })
  // A host's own kind of request (`NextRequest`) has more to it than the web's. Some hand it over behind a proxy, which the
  // web's classes take for no request.
  const { constructor } = Object.getPrototypeOf(request)
  const isOwn = typeof constructor === 'function' && constructor !== Request && constructor.prototype instanceof Request
  if (!isOwn) return new Request(request, init)
  if (body === undefined && mayHaveBody(request)) Object.assign(init, { body: request.body, duplex: 'half' })
  return new constructor(request.url, { method: request.method, signal: request.signal, ...init })
}

function mayHaveBody ({ method }) {
  return method !== 'GET' && method !== 'HEAD'
}

module.exports = { RequestSource, forwarded }
