'use strict'

// Headers of the web: as lines for the exchange, and with its edits.

/** The headers as names and values in turn; but for cookies a name stands once, its values joined. */
function lines (headers) {
  const list = []
  for (const [name, value] of headers) list.push(name, value)
  return list
}

/** The headers as they go on: a copy where there are edits. */
function edited (headers, edits) {
  if (edits === null) return headers
  const copy = new Headers(headers)
  for (const name of edits.gone) copy.delete(name)
  for (const [name, value] of edits.set) copy.set(name, value)
  return copy
}

/**
 * Sets headers where they stand: gives what takes that back, or `null` where it cannot be. What must be gone stays gone, so that is
 * not for these; nor is it where a host keeps its headers from being written.
 */
function setInPlace (headers, { gone, set }) {
  // The names of those that are set are among them.
  if (gone.size > set.length) return null
  const before = set.map(([name]) => [name, headers.get(name)])
  const back = () => {
    for (const [name, value] of before) value === null ? headers.delete(name) : headers.set(name, value)
  }
  try {
    for (const [name, value] of set) headers.set(name, value)
  } catch {
    return null
  }
  return back
}

/** The length that a message declares, or -1. */
function length (headers) {
  const text = headers.get('content-length') ?? ''
  return /^\d+$/.test(text) ? Number(text) : -1
}

module.exports = { lines, edited, setInPlace, length }
