'use strict'

// A body that is read only as far as its exchange asks, and what goes on in its place.
//
// A body that nobody had to read goes on untouched. One that was read goes on from memory, or, where it is too long for
// that, as a stream of what was read and what is left.

const { STEP } = require('../door/codes.js')
const { joined } = require('./source.js')

class Incoming {
  #source
  /** What was read of it, and whether that is all. */
  #pieces = []
  #ended = false

  /** `source` gives pieces: `next()`, `null` at the end, and `cancel(reason)` where nobody reads on; `none` where there are none. */
  constructor (source) {
    this.#source = source
  }

  /** The next piece of the body, `null` at its end. */
  async next () {
    const piece = await this.#source.next()
    if (piece === null) {
      this.#ended = true
    } else {
      this.#pieces.push(piece)
    }
    return piece
  }

  /** What goes on in place of the body under this verdict: bytes, a stream, or `undefined` where it is as it came. */
  passed (exchange, step) {
    if (this.#source.none) return undefined
    if (step === STEP.FORWARD_WHOLE) return exchange.take()
    if (step === STEP.FORWARD_FEED) return this.#fed(exchange, exchange.take())
    if (this.#ended) return joined(this.#pieces)
    return this.#pieces.length > 0 ? this.#stream(() => this.#source.next(), this.#pieces) : undefined
  }

  /** Leaves what nobody read of the body to whoever sent it. */
  async cancel (reason) {
    await this.#source.cancel(reason)
  }

  /** The rest of a body as its exchange lets it through. */
  #fed (exchange, first) {
    let cut = null
    return this.#stream(async () => {
      for (;;) {
        if (cut !== null) throw new Error('wardline: the guard cut this body')
        const piece = await this.#source.next()
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
      cancel: (reason) => this.cancel(reason)
    }, { highWaterMark: 0 })
  }
}

module.exports = { Incoming }
