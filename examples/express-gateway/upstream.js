'use strict'

// A stand-in for the services behind the gateway: embeddings and chat as OpenAI's API has them, vectors as Qdrant's.

const { createHash } = require('node:crypto')
const http = require('node:http')

const PEOPLE = [
  { id: 1, text: 'Tom asked for his invoice', mail: 'tom.ek@example.org', salary: 51000 },
  { id: 2, text: 'Rosa reported an outage', mail: 'rosa.lind@example.com', salary: 64000 }
]

/** The server; `seen` gets every request body that reaches it. */
function upstream (seen = []) {
  return http.createServer(async (req, res) => {
    let text = ''
    for await (const piece of req.setEncoding('utf8')) text += piece
    seen.push({ method: req.method, url: req.url, text })
    const body = text === '' ? {} : JSON.parse(text)
    switch (`${req.method} ${req.url}`) {
      case 'POST /v1/embeddings': return send(res, embeddings(body))
      case 'POST /v1/chat/completions': return stream(res)
      case 'POST /qdrant/collections/people/points/query': return send(res, { result: { points: points(body.limit, false) }, status: 'ok' })
      case 'POST /qdrant/collections/people/points/scroll': return send(res, { result: { points: points(body.limit, true) }, status: 'ok' })
      default: return send(res, { error: 'no such route' }, 404)
    }
  })
}

function embeddings ({ model, input }) {
  const data = [input].flat().map((text, index) => ({ object: 'embedding', index, embedding: embed(text) }))
  return { object: 'list', data, model }
}

/** Eight numbers that depend on the text, and mean nothing. */
function embed (text) {
  return Array.from(createHash('sha256').update(text).digest().subarray(0, 8), (byte) => byte / 255)
}

function points (limit, withVector) {
  return PEOPLE.slice(0, limit).map(({ id, ...payload }) => ({ id, payload, ...(withVector ? { vector: embed(payload.text) } : { score: 0.9 }) }))
}

async function stream (res) {
  res.writeHead(200, { 'content-type': 'text/event-stream' })
  for (const content of ['Write to tom.ek@example.org', ' and wait.']) {
    res.write(`data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  res.end('data: [DONE]\n\n')
}

function send (res, value, status = 200) {
  res.writeHead(status, { 'content-type': 'application/json' })
  res.end(JSON.stringify(value))
}

if (require.main === module) {
  const port = Number(process.env.PORT ?? 8081)
  upstream().listen(port, '127.0.0.1', () => console.log(`upstream on http://127.0.0.1:${port}`))
}

module.exports = { upstream }
