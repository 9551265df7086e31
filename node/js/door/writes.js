'use strict'

// Where what a service writes is caught: at the four methods through which a response leaves.
//
// They are replaced once, for all responses of Node, and ask whether the response is under guard. Four methods for each
// response would change its shape, and every access to it after that would cost a search. The same goes for what a service
// is told of a head that waits for its body.

const { ServerResponse } = require('node:http')
const { noted } = require('./notes.js')

const guarded = noted()

const { writeHead, write, end, flushHeaders } = ServerResponse.prototype
const plain = { writeHead, write, end, flushHeaders, told: true }

const caught = {
  writeHead (status, reason, headers) {
    const outgoing = guarded.get(this)
    return outgoing === undefined ? writeHead.call(this, status, reason, headers) : outgoing.writeHead(status, reason, headers)
  },
  write (chunk, encoding, done) {
    const outgoing = guarded.get(this)
    return outgoing === undefined ? write.call(this, chunk, encoding, done) : outgoing.write(chunk, encoding, done)
  },
  end (chunk, encoding, done) {
    const outgoing = guarded.get(this)
    return outgoing === undefined ? end.call(this, chunk, encoding, done) : outgoing.end(chunk, encoding, done)
  },
  flushHeaders () {
    const outgoing = guarded.get(this)
    return outgoing === undefined ? flushHeaders.call(this) : outgoing.flushHeaders()
  }
}
Object.assign(ServerResponse.prototype, caught)

const headersSent = getter('headersSent')
const writableEnded = getter('writableEnded')

Object.defineProperty(ServerResponse.prototype, 'headersSent', {
  configurable: true,
  get () {
    return guarded.get(this)?.pretends === true || headersSent.call(this)
  }
})
Object.defineProperty(ServerResponse.prototype, 'writableEnded', {
  configurable: true,
  get () {
    const outgoing = guarded.get(this)
    return outgoing?.pretends === true ? outgoing.hasEnded : writableEnded.call(this)
  }
})

/** How Node itself answers a property of its responses. */
function getter (name) {
  for (let at = ServerResponse.prototype; at !== null; at = Object.getPrototypeOf(at)) {
    const found = Object.getOwnPropertyDescriptor(at, name)
    if (found !== undefined) return found.get ?? function () { return found.value }
  }
  return () => undefined
}

/** Has all that is written to a response go to `outgoing`. Gives the methods that lead on from there, and whether a response tells by itself what
 * `outgoing` pretends. */
function capture (res, outgoing) {
  const { writeHead, write, end, flushHeaders } = res
  if (writeHead === caught.writeHead && write === caught.write && end === caught.end &&
    flushHeaders === caught.flushHeaders && guarded.get(res) === undefined) {
    guarded.set(res, outgoing)
    return plain
  }
  // Somebody stands before the guard with methods of this response's own: what is written is caught before them.
  res.writeHead = (status, reason, headers) => outgoing.writeHead(status, reason, headers)
  res.write = (chunk, encoding, done) => outgoing.write(chunk, encoding, done)
  res.end = (chunk, encoding, done) => outgoing.end(chunk, encoding, done)
  res.flushHeaders = () => outgoing.flushHeaders()
  return { writeHead, write, end, flushHeaders, told: false }
}

module.exports = { capture }
