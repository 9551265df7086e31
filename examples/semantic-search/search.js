'use strict'

// A semantic search over HTTP, with the guard around its handler.

const http = require('node:http')
const { guard } = require('wardline/express')

const DOCUMENTS = [
  'Holidays are asked for two weeks ahead. Write to rosa.lind@example.com.',
  'Travel: trains first. Hotels up to 120 euros a night.',
  'Sick leave: call +1 212 555 0142 before nine.',
  'New laptops come every three years.',
  'Expenses are paid at the end of the month.',
  'The canteen opens at noon, on Fridays at eleven.',
  'Parking needs a badge, which Tom Ek hands out.',
  'The library lends books for a month.',
  'Meeting rooms are booked in the calendar.',
  'Fire alarms are tested on the first Monday.'
].map((text, id) => ({ id, text, embedding: embedded(text) }))

/** The server, guarded by a policy's file or a `Guard`. */
function search (policy) {
  const guarded = guard(policy)
  return http.createServer((req, res) => guarded(req, res, () => answer(req, res)))
}

async function answer (req, res) {
  const pieces = []
  for await (const piece of req) pieces.push(piece)
  if (req.method !== 'POST') return res.end('{}')
  const { question, top = 5, embeddings = false } = JSON.parse(Buffer.concat(pieces))
  const asked = embedded(question)
  const found = DOCUMENTS.map((one) => ({ ...one, score: cosine(asked, one.embedding) })).sort((a, b) => b.score - a.score).slice(0, top)
  if (!embeddings) for (const one of found) delete one.embedding
  res.setHeader('content-type', 'application/json')
  res.end(JSON.stringify({ found }))
}

/** A stand-in for a model: how often each pair of letters comes. */
function embedded (text) {
  const counts = new Array(64).fill(0)
  const letters = text.toLowerCase()
  for (let at = 1; at < letters.length; at++) counts[(letters.charCodeAt(at - 1) * 31 + letters.charCodeAt(at)) % 64]++
  const length = Math.hypot(...counts)
  return counts.map((count) => count / length)
}

function cosine (a, b) {
  return a.reduce((sum, value, at) => sum + value * b[at], 0)
}

if (require.main === module) {
  search(process.env.WARDLINE_POLICY ?? 'wardline.yaml').listen(Number(process.env.PORT ?? 8080), '127.0.0.1')
}

module.exports = { search }
