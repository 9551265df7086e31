'use strict'

// A request body that is read only when the exchange asks, and that whoever comes after finds unread.
//
// Reading a stream leaves marks: it has flowed, it has ended, `fetch` refuses it. So the pieces are taken where Node's
// parser hands them in, at `push`, and handed in again once it is known what goes on.

const { IncomingMessage } = require('node:http')

class Incoming {
  #req
  #pieces = []
  #read = 0
  #ended = false
  #watching = false
  /** Whether the stream itself still holds all of the body: it had arrived before we came. */
  #held = false
  #waiting = null
  #feed = null
  /** What is made of a body that had arrived whole, until all of it is there. */
  #whole = null

  constructor (req) {
    this.#req = req
  }

  /** Whether somebody has read from it already, so that the guard would judge what is left. */
  static isRead (req) {
    const { dataEmitted, endEmitted, flowing, encoding } = req._readableState
    return dataEmitted || endEmitted || flowing === true || encoding !== null
  }

  /** Whether any of it is left unread on the connection. */
  get isOpen () {
    return !this.#req.complete
  }

  /** The next piece, `null` at the end; `undefined` where it is not there yet: `waiting` is called when it is. */
  next (waiting) {
    if (!this.#watching) this.#watch()
    if (this.#read < this.#pieces.length) return this.#pieces[this.#read++]
    if (this.#ended) return null
    this.#waiting = waiting
    return undefined
  }

  /** Lets the body go on as it came. */
  pass () {
    if (!this.#watching) return
    this.#unwatch()
    if (this.#held) return
    for (const piece of this.#pieces) this.#req.push(piece)
    if (this.#ended) this.#req.push(null)
  }

  /** Lets this go on instead of the body, which has ended. */
  replace (body) {
    this.#unwatch()
    if (this.#held) {
      this.#req.read()
      if (body.length > 0) this.#req.unshift(body)
      unmark(this.#req)
      return
    }
    if (body.length > 0) this.#req.push(body)
    this.#req.push(null)
  }

  /**
   * Lets `first` go on, and then what `feed(piece)` hands on of each piece still to come, `feed(null)` at the end.
   * Calls `ready` when the body may be read.
   */
  feed (first, feed, ready) {
    if (!this.#watching) this.#watch()
    this.#feed = feed
    const left = this.#pieces.slice(this.#read)
    this.#pieces = []
    if (this.#held) this.#whole = { made: [], ready }
    if (first.length > 0) this.hand(first)
    for (const piece of left) feed(piece)
    if (this.#ended) feed(null)
    if (!this.#held) ready()
  }

  /** Hands a piece of a fed body on; `null` at the end. */
  hand (piece) {
    if (this.#whole !== null) {
      const { made, ready } = this.#whole
      if (piece !== null) return made.push(piece) > 0
      this.replace(Buffer.concat(made))
      ready()
      return true
    }
    if (piece === null) this.#unwatch()
    return Object.getPrototypeOf(this.#req).push.call(this.#req, piece)
  }

  #watch () {
    const req = this.#req
    this.#watching = true
    if (req.readableLength > 0) {
      const piece = req.read()
      this.#pieces.push(piece)
      if (req.complete) {
        // All of it had come. What ended must not run empty, or the end would be announced to nobody.
        req.unshift(piece)
        this.#held = true
      }
      unmark(req)
    }
    if (req.complete) {
      this.#ended = true
      this.#held = true
      return
    }
    req.push = (piece) => this.#arrive(typeof piece === 'string' ? Buffer.from(piece) : piece)
    this.#pull()
  }

  /** A request that no parser of Node fills (one of Fastify's `inject`) makes its body when it is asked for it. */
  #pull () {
    if (!(this.#req instanceof IncomingMessage)) this.#req._read()
  }

  #arrive (piece) {
    if (piece === null) {
      this.#ended = true
    } else {
      this.#pull()
    }
    if (this.#feed !== null) return this.#feed(piece)
    if (piece !== null) this.#pieces.push(piece)
    const waiting = this.#waiting
    this.#waiting = null
    if (waiting !== null) waiting()
    return true
  }

  #unwatch () {
    delete this.#req.push
    this.#waiting = null
  }
}

/** Takes back the mark that a stream keeps of having been read: what was read is in it again. */
function unmark (req) {
  req._readableState.dataEmitted = false
}

module.exports = { Incoming }
