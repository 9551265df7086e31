'use strict'

// Rows of node-postgres as the exchange reads them, a line of JSON each, and what it changed put back in their place.

const { wrong } = require('../door/entry.js')

/** So many rows are read at a time. */
const AT_ONCE = 500

/** Takes the rows of all results through the exchange: afterwards they are as they may be handed on. Rejects where they may not. */
async function rowsOf (running, results) {
  const all = results.flatMap(({ rows = [], fields = [] }) => rows.map((row) => ({ row, names: fields.map((field) => field.name) })))
  let vectors = 0
  let text = ''
  for (let from = 0; from < all.length; from += AT_ONCE) {
    const lines = all.slice(from, from + AT_ONCE).map(({ row, names }) => {
      for (const value of Object.values(row)) vectors += isVector(value) ? 1 : 0
      return JSON.stringify(Array.isArray(row) ? named(row, names) : row, plain)
    })
    text += await running.result(`${lines.join('\n')}\n`, 'application/x-ndjson', from + AT_ONCE < all.length)
  }
  await running.returned({ rows: all.length, vectors })
  if (all.length === 0) return
  const masked = text.split('\n')
  if (masked.length !== all.length + 1) throw wrong('expected as many rows from the guard as went in')
  for (const [at, { row, names }] of all.entries()) put(row, names, JSON.parse(masked[at]))
}

/** Puts the values that are others now in their place. What is as it was keeps its type. */
function put (row, names, masked) {
  if (!Array.isArray(row)) {
    for (const name of Object.keys(row)) if (differs(row[name], masked[name])) row[name] = masked[name] ?? null
    return
  }
  for (const [name, columns] of placed(names)) {
    for (const [nth, column] of columns.entries()) {
      // What is masked as a whole is masked for each column of the name.
      const value = columns.length > 1 && Array.isArray(masked[name]) ? masked[name][nth] : masked[name]
      if (differs(row[column], value)) row[column] = value ?? null
    }
  }
}

function differs (value, masked) {
  return JSON.stringify(value, plain) !== JSON.stringify(masked)
}

/** A row that is a list: its values under the names of their columns, those of one name together. */
function named (row, names) {
  const object = {}
  for (const [name, columns] of placed(names)) {
    object[name] = columns.length > 1 ? columns.map((column) => row[column]) : row[columns[0]]
  }
  return object
}

/** Which columns have a name. */
function placed (names) {
  const columns = new Map()
  for (const [column, name] of names.entries()) columns.set(name, [...columns.get(name) ?? [], column])
  return columns
}

/** Values that JSON has no form for. */
function plain (name, value) {
  if (typeof value === 'bigint') return String(value)
  if (value?.type === 'Buffer' && Array.isArray(value.data)) return `\\x${Buffer.from(value.data).toString('hex')}`
  return value === undefined ? null : value
}

/** Whether a value is a list of numbers: pgvector's text, or an array of floats. */
function isVector (value) {
  if (typeof value === 'string') return /^\[-?\d[-+.,\deE\s]*\]$/.test(value)
  return Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === 'number')
}

/** The values that are bound to a statement, the same text for the same values only. */
function written (values) {
  return values === undefined || values === null ? null : JSON.stringify(values, plain)
}

module.exports = { rowsOf, written }
