'use strict'

// Embeds pictures and recordings that come as forms (multipart/form-data), with the guard around its handler.

const http = require('node:http')
const { guard } = require('wardline/express')

/** The server, guarded by a policy's file or a `Guard`; `seen` gets what the model would. */
function media (policy, seen = []) {
  const guarded = guard(policy)
  return http.createServer((req, res) => guarded(req, res, () => answer(req, res, seen)))
}

async function answer (req, res, seen) {
  const pieces = []
  for await (const piece of req) pieces.push(piece)
  const form = await new Response(Buffer.concat(pieces), { headers: { 'content-type': req.headers['content-type'] } }).formData()
  const file = form.get('file')
  const bytes = Buffer.from(await file.arrayBuffer())
  seen.push({ caption: form.get('caption'), name: file.name, bytes })
  res.setHeader('content-type', 'application/json')
  res.end(JSON.stringify({ embedding: embedded(bytes, form.get('caption')), bytes: bytes.length }))
}

/** A stand-in for a model: how the bytes are spread, and how long the caption is. */
function embedded (bytes, caption) {
  const counts = new Array(16).fill(0)
  for (const byte of bytes) counts[byte >> 4]++
  return [...counts.map((count) => count / (bytes.length + 1)), (caption ?? '').length / 100]
}

if (require.main === module) {
  media(process.env.WARDLINE_POLICY ?? 'wardline.yaml').listen(Number(process.env.PORT ?? 8080), '127.0.0.1')
}

module.exports = { media }
