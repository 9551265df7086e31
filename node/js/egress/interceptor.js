'use strict'

// A guard between undici's callers (its `fetch`, `request`, `stream`, clients built on them) and its connections.
//
//   setGlobalDispatcher(new Agent().compose(guardInterceptor('wardline.yaml', { caller: 'svc-ingest' })))
//
// It sees each request as it would be sent. So it is composed first: what `redirect` and `retry` send again then comes by.

const { DOOR } = require('../door/codes.js')
const { outgoing } = require('../door/entry.js')
const { judge } = require('../web/door.js')
const { changed, read } = require('./dispatched.js')

/**
 * An interceptor for `compose`, of undici 7 and newer. Requests are `caller`'s, as those of `guardedFetch` are; a denial is
 * a response with the problem document.
 */
function guardInterceptor (policy, options) {
  const { behind, who } = outgoing(policy, options)
  return (dispatch) => function guarded (opts, handler) {
    new Call(handler).run(behind, who, dispatch, opts)
    return true
  }
}

/** One request, and what its caller holds of it. */
class Call {
  #handler
  /** What its caller steers it by, from the beginning on. */
  #controller
  /** What steers the connection, once it is sent. */
  #connection = null
  #gone = new AbortController()
  #reader = null
  #trailers = {}
  /** Whether the connection is no longer HTTP. */
  #upgraded = false
  #resumed = null

  constructor (handler) {
    this.#handler = handler
    const { signal } = this.#gone
    this.#controller = {
      rawHeaders: null,
      rawTrailers: null,
      paused: false,
      get aborted () { return signal.aborted },
      get reason () { return signal.aborted ? signal.reason : null },
      pause () { this.paused = true },
      resume: () => {
        this.#controller.paused = false
        this.#resumed?.()
      },
      abort: (reason) => this.#abort(reason)
    }
  }

  async run (behind, who, dispatch, opts) {
    try {
      this.#handler.onRequestStart?.(this.#controller, {})
      const { message, sent } = read(opts)
      const response = await judge(behind, DOOR.UNDICI_EGRESS, { ...message, signal: () => this.#gone.signal }, who(),
        ({ edits, body }) => this.#send(dispatch, changed(sent, edits, body)))
      if (!this.#upgraded) await this.#receive(response)
    } catch (error) {
      const { aborted, reason } = this.#controller
      this.#resumed?.()
      this.#handler.onResponseError?.(this.#controller, aborted ? reason : error)
    }
  }

  #abort (reason) {
    if (this.#gone.signal.aborted) return
    this.#gone.abort(reason)
    this.#connection?.abort(reason)
    this.#resumed?.()
    this.#reader?.cancel(reason).catch(() => {})
  }

  /** Sends what may go: the response as it comes, its body a stream. */
  #send (dispatch, opts) {
    return new Promise((resolve, reject) => {
      let body = null
      /** Whether nobody reads on: what still comes is dropped. */
      let left = false
      dispatch(opts, {
        onRequestStart: (connection) => {
          this.#connection = connection
          if (this.#gone.signal.aborted) connection.abort(this.#gone.signal.reason)
        },
        onRequestUpgrade: (connection, status, headers, socket) => {
          this.#upgraded = true
          this.#handler.onRequestUpgrade?.(this.#controller, status, headers, socket)
          resolve({ status, statusText: '', headers: new Headers(), body: null })
        },
        onResponseStart: (connection, status, headers, statusText = '') => {
          // What comes ahead of the answer says nothing of it.
          if (status < 200) return
          const stream = new ReadableStream({
            start: (controller) => { body = controller },
            pull: () => connection.resume(),
            cancel: (reason) => {
              left = true
              connection.abort(reason ?? new Error('wardline: nobody reads this response'))
            }
          }, { highWaterMark: 0 })
          // To leave a body that is none would break the connection off.
          const bodiless = opts.method === 'HEAD' || [204, 205, 304].includes(status)
          resolve({ status, statusText, headers: web(headers), body: bodiless ? null : stream })
        },
        onResponseData: (connection, piece) => {
          // undici may hand over nothing when it is told to go on.
          if (left || piece.length === 0) return
          body.enqueue(new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength))
          if (body.desiredSize <= 0) connection.pause()
        },
        onResponseEnd: (connection, trailers) => {
          this.#trailers = trailers
          if (!left) body.close()
        },
        onResponseError: (connection, error) => body === null ? reject(error) : body.error(error)
      })
    })
  }

  /** Hands the response on as its caller takes it. */
  async #receive (response) {
    const controller = this.#controller
    this.#reader = response.body?.getReader() ?? null
    if (controller.aborted) throw controller.reason
    try {
      const headers = plain(response.headers)
      controller.rawHeaders = Object.entries(headers).flat(1).map((one) => Array.isArray(one) ? one.map(raw) : raw(one))
      this.#handler.onResponseStart?.(controller, response.status, headers, response.statusText)
      for (;;) {
        while (controller.paused && !controller.aborted) await new Promise((resolve) => { this.#resumed = resolve })
        const read = controller.aborted ? null : await this.#reader?.read()
        if (controller.aborted) throw controller.reason
        if (read?.done ?? true) break
        this.#handler.onResponseData?.(controller, Buffer.from(read.value.buffer, read.value.byteOffset, read.value.byteLength))
      }
      this.#handler.onResponseEnd?.(controller, this.#trailers)
    } catch (error) {
      this.#reader?.cancel(error).catch(() => {})
      throw error
    }
  }
}

/** Headers of undici's as the web's. */
function web (headers) {
  const list = new Headers()
  for (const [name, value] of Object.entries(headers)) {
    for (const one of Array.isArray(value) ? value : [value]) list.append(name, one)
  }
  return list
}

/** And back. */
function plain (headers) {
  const object = {}
  for (const [name, value] of headers) object[name] = name === 'set-cookie' ? headers.getSetCookie() : value
  return object
}

const raw = (text) => Buffer.from(text, 'latin1')

module.exports = { guardInterceptor }
