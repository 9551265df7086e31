'use strict'

// Heads of messages: how they cross the border, and how the guard's edits reach Node's objects.

const known = new Map()
const KNOWN = 256

/** `-name` and `+name: value` lines as `{remove, set}`. The same few texts come again and again. */
function parse (text) {
  let edits = known.get(text)
  if (edits !== undefined) return edits
  edits = { remove: [], set: [] }
  for (const line of text.split('\n')) {
    if (line[0] === '-') {
      edits.remove.push(line.slice(1))
    } else {
      const at = line.indexOf(': ')
      edits.set.push([line.slice(1, at), line.slice(at + 2)])
    }
  }
  if (known.size < KNOWN) known.set(text, edits)
  return edits
}

/** Carries edits out on a request: in `rawHeaders`, `headers` and `headersDistinct` alike. */
function editRequest (req, { remove, set }) {
  // Both views are made from as many raw headers as came, when first asked for, and kept from then on.
  const { headers, headersDistinct } = req
  const gone = new Set(remove)
  for (const [name] of set) gone.add(name)
  const raw = req.rawHeaders
  let kept = 0
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if (gone.has(raw[i].toLowerCase())) continue
    raw[kept] = raw[i]
    raw[kept + 1] = raw[i + 1]
    kept += 2
  }
  raw.length = kept
  for (const [name, value] of set) raw.push(name, value)
  for (const name of gone) {
    delete headers[name]
    delete headersDistinct[name]
  }
  for (const [name, value] of set) {
    headers[name] = value
    headersDistinct[name] = [value]
  }
}

/** Carries edits out on a response whose head has not been written. */
function editResponse (res, { remove, set }) {
  for (const name of remove) if (res.hasHeader(name)) res.removeHeader(name)
  for (const [name, value] of set) res.setHeader(name, value)
}

/** The head of a response as lines: names and values in turn. */
function lines (res) {
  const list = []
  for (const name of res.getHeaderNames()) {
    const value = res.getHeader(name)
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

/** A declared length, or -1. */
function length (value) {
  const text = String(value ?? '')
  return /^\d+$/.test(text) ? Number(text) : -1
}

module.exports = { parse, editRequest, editResponse, lines, merge, length }
