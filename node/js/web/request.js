'use strict'

// A `Request` that is read only as far as its exchange asks, and the one that the service gets in its place.
//
// A body that nobody had to read goes on in the very request that came. One that was read goes on from memory, or, where
// it is too long for that, from a stream of what was read and what is left.

const { STEP } = require('../door/codes.js')
const { alreadyRead } = require('../door/entry.js')
const headers = require('./headers.js')
const { Source, joined } = require('./source.js')

/** A body whose declared length is at most this is asked for whole: hosts have a shorter way to that than a stream. */
const WHOLE = 1 << 20

class Incoming {
  #request
  #source = null
  /** What was read of it, and whether that is all. */
  #pieces = []
  #ended = false

  constructor (request) {
    if (request.bodyUsed) throw alreadyRead()
    this.#request = request
  }

  /** The next piece of the body, `null` at its end. */
  async next () {
    const piece = await this.#read()
    if (piece === null) {
      this.#ended = true
    } else {
      this.#pieces.push(piece)
    }
    return piece
  }

  /** The request as it goes on under this verdict. */
  forward (exchange, step, edits) {
    switch (step) {
      case STEP.FORWARD: {
        if (this.#pieces.length === 0 && !this.#ended) return edits === null ? this.#request : this.#with(edits)
        return this.#with(edits, this.#ended ? joined(this.#pieces) : this.#stream(async () => this.#read(), this.#pieces))
      }
      case STEP.FORWARD_WHOLE:
        return this.#with(edits, exchange.take())
      default:
        return this.#with(edits, this.#fed(exchange, exchange.take()))
    }
  }

  /** Leaves what nobody read of the body to whoever sent it. */
  async cancel () {
    await this.#source?.cancel()
  }

  async #read () {
    if (this.#source !== null) return this.#source.next()
    const request = this.#request
    const declared = headers.length(request.headers)
    if (request.method === 'GET' || request.method === 'HEAD') {
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

  /** The rest of a body as its exchange lets it through. */
  #fed (exchange, first) {
    let cut = null
    return this.#stream(async () => {
      for (;;) {
        if (cut !== null) throw new Error('wardline: the guard cut this body')
        const piece = await this.#read()
        const passed = await exchange.request(piece)
        cut = passed.cut
        if (passed.bytes.length > 0) return passed.bytes
        if (piece === null && cut === null) return null
      }
    }, first.length > 0 ? [first] : [])
  }

  #stream (next, first) {
    return new ReadableStream({
      pull: async (controller) => {
        const piece = first.length > 0 ? first.shift() : await next()
        if (piece === null) return controller.close()
        controller.enqueue(piece)
      },
      cancel: (reason) => this.#source?.cancel(reason)
    }, { highWaterMark: 0 })
  }

  /** The same request, of the same class, with these edits and, where one is given, this body. */
  #with (edits, body) {
    const request = this.#request
    const init = { headers: headers.edited(request.headers, edits) }
    if (body !== undefined && request.method !== 'GET' && request.method !== 'HEAD') {
      init.body = body
      init.duplex = 'half'
    }
    const { constructor } = request
    // A host's own kind of request (`NextRequest`) has more to it than the web's.
    const Kind = typeof constructor === 'function' && constructor.prototype instanceof Request ? constructor : Request
    return new Kind(request, init)
  }
}

module.exports = { Incoming }
