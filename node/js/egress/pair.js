'use strict'

// Two ends of a connection within this process: what is written to one is read from the other.
//
//   const [near, far] = pair()

const { Duplex } = require('node:stream')

class End extends Duplex {
  other = null
  /** The write that goes on when there is room again. */
  #waiting = null
  #limit = 0
  #timer = null

  _write (piece, encoding, done) {
    this.#stirs()
    this.other.#take(piece, done)
  }

  #take (piece, done) {
    this.#stirs()
    if (this.destroyed || this.push(piece)) return done()
    this.#waiting = done
  }

  _read () {
    const go = this.#waiting
    this.#waiting = null
    go?.()
  }

  _final (done) {
    if (!this.other.destroyed) this.other.push(null)
    done()
  }

  _destroy (error, done) {
    clearTimeout(this.#timer)
    this._read()
    const { other } = this
    // What has arrived is read before the end is found.
    if (!other.destroyed && !other.readableEnded) {
      if (error !== null && other.readableLength === 0) {
        other.destroy(error)
      } else {
        other.#breaks()
      }
    }
    done(error)
  }

  #breaks () {
    if (!this._readableState.ended) this.push(null)
    this._read()
  }

  /** What a socket has besides: the other end finds the connection broken, whatever it has read. */
  resetAndDestroy () {
    this.other.destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }))
    return this.destroy()
  }

  /** `timeout` comes where nothing moved for so many milliseconds. */
  setTimeout (limit, listener) {
    this.#limit = limit
    if (listener !== undefined) limit > 0 ? this.once('timeout', listener) : this.off('timeout', listener)
    this.#stirs()
    return this
  }

  #stirs () {
    clearTimeout(this.#timer)
    if (this.#limit > 0 && !this.destroyed) this.#timer = setTimeout(() => this.emit('timeout'), this.#limit).unref()
  }

  setNoDelay () { return this }
  setKeepAlive () { return this }
  ref () { return this }
  unref () { return this }
}

function pair () {
  const ends = [new End(), new End()]
  ends[0].other = ends[1]
  ends[1].other = ends[0]
  return ends
}

module.exports = { pair }
