'use strict'

// Heads of messages: how they cross the border, and how the guard's edits reach Node's objects.
//
// Express gives every request and response a shape of its own, so that each name which is first asked of one costs a
// search. Node's methods are therefore taken from where they are defined.

const { IncomingMessage, OutgoingMessage } = require('node:http')
const native = require('../native.js')
const { EDITS } = require('./codes.js')

const { getHeader, getHeaderNames, getHeaders, hasHeader, removeHeader, setHeader } = OutgoingMessage.prototype

/** Edits by their number: the same few come again and again. */
const known = []

/** The edits under this number that wait in the exchange, as `{gone, set}`; `null` where there are none. */
function edits (exchange, number) {
  if (number === EDITS.NONE) return null
  if (number === EDITS.OTHER) return parse(native.edits(exchange))
  return (known[number] ??= parse(native.edits(exchange)))
}

/** `-name` and `+name: value` lines: every name that goes, and what comes in its place. */
function parse (text) {
  const gone = new Set()
  const set = []
  for (const line of text.split('\n')) {
    if (line[0] === '-') {
      gone.add(line.slice(1))
    } else {
      const at = line.indexOf(': ')
      const name = line.slice(1, at)
      gone.add(name)
      set.push([name, line.slice(at + 2)])
    }
  }
  return { gone, set }
}

// Node makes `headersDistinct` when it is first asked for, from as many raw headers as it counted when they came.
const [COUNT, DISTINCT] = (() => {
  const probe = new IncomingMessage(null)
  void probe.headersDistinct
  const symbols = Object.getOwnPropertySymbols(probe)
  return ['kHeadersCount', 'kHeadersDistinct'].map((name) => symbols.find((one) => one.description === name))
})()

/** Carries edits out on a request: in `rawHeaders`, `headers` and `headersDistinct` alike. */
function editRequest (req, { gone, set }) {
  const headers = req.headers
  const later = COUNT !== undefined && DISTINCT !== undefined && req[DISTINCT] === undefined
  const distinct = later ? null : req.headersDistinct
  const raw = req.rawHeaders
  let kept = 0
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if (gone.has(raw[i].toLowerCase())) continue
    raw[kept] = raw[i]
    raw[kept + 1] = raw[i + 1]
    kept += 2
  }
  raw.length = kept
  for (const name of gone) {
    if (name in headers) delete headers[name]
    if (distinct !== null) delete distinct[name]
  }
  for (const [name, value] of set) {
    raw.push(name, value)
    headers[name] = value
    if (distinct !== null) distinct[name] = [value]
  }
  if (later) req[COUNT] = raw.length
}

/** Carries edits out on a response whose head has not been written. */
function editResponse (res, { gone, set }) {
  for (const name of getHeaderNames.call(res)) if (gone.has(name)) removeHeader.call(res, name)
  for (const [name, value] of set) setHeader.call(res, name, value)
}

/** The head of a response as lines: names and values in turn. */
function lines (res) {
  const list = []
  for (const name of getHeaderNames.call(res)) {
    const value = getHeader.call(res, name)
    if (Array.isArray(value)) {
      for (const one of value) list.push(name, String(one))
    } else {
      list.push(name, String(value))
    }
  }
  return list
}

/** What `writeHead(status, headers)` brings, in each form that Node takes, put where `setHeader` would. */
function merge (res, headers) {
  if (!Array.isArray(headers)) {
    for (const name of Object.keys(headers)) res.setHeader(name, headers[name])
    return
  }
  const pairs = []
  if (Array.isArray(headers[0])) {
    pairs.push(...headers)
  } else {
    for (let i = 0; i + 1 < headers.length; i += 2) pairs.push([headers[i], headers[i + 1]])
  }
  for (const [name] of pairs) res.removeHeader(name)
  for (const [name, value] of pairs) res.appendHeader(name, value)
}

/** The length that a response declares, or -1. */
function length (res) {
  const text = String(getHeader.call(res, 'content-length') ?? '')
  return /^\d+$/.test(text) ? Number(text) : -1
}

/** Whether the end of a body is marked in the body itself, so that no length may be declared. */
function isChunked (res) {
  return hasHeader.call(res, 'transfer-encoding') || hasHeader.call(res, 'trailer')
}

module.exports = {
  edits,
  editRequest,
  editResponse,
  lines,
  merge,
  length,
  isChunked,
  all: (res) => getHeaders.call(res),
  declare: (res, length) => setHeader.call(res, 'Content-Length', length)
}
