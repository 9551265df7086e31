// What stands behind the gateway in this example: the shapes of an OpenAI server and of Qdrant, a few rows, no state.

import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const ROWS = [
  { id: 1, text: 'Rosa Lind asked about her invoice, reach her at rosa.lind@example.com', salary: 51000 },
  { id: 2, text: 'The card 5555 5555 5555 4444 was refused', salary: 62000 },
  { id: 3, text: 'The staircase needs paint', salary: 47000 }
]

/** Eight numbers of a text: always the same ones, and of no meaning. */
function embed (text) {
  const digest = createHash('sha256').update(text).digest()
  return Array.from({ length: 8 }, (_, i) => digest.readInt16BE(i * 2) / 32768)
}

/** A server that is not listening yet. `seen(text)` is told what it is asked to embed. */
export function upstream (seen = () => {}) {
  return createServer(async (req, res) => {
    const pieces = []
    for await (const piece of req) pieces.push(piece)
    const { pathname } = new URL(req.url, 'http://upstream')
    let body
    try {
      body = pieces.length > 0 ? JSON.parse(Buffer.concat(pieces)) : {}
    } catch {
      return json(res, { error: 'no JSON' }, 400)
    }
    switch (`${req.method} ${pathname}`) {
      case 'POST /openai/v1/embeddings': {
        const inputs = [body.input].flat()
        inputs.forEach(seen)
        const data = inputs.map((text, index) => ({ object: 'embedding', index, embedding: embed(String(text)) }))
        return json(res, { object: 'list', model: body.model, data, usage: { prompt_tokens: 1, total_tokens: 1 } })
      }
      case 'POST /openai/v1/chat/completions': {
        res.writeHead(200, { 'Content-Type': 'text/event-stream' })
        for (const content of ['write to ', 'tom.ek@example.org ', 'soon']) {
          res.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`)
          await sleep(20)
        }
        return res.end('data: [DONE]\n\n')
      }
      case 'POST /qdrant/collections/docs/points/query':
        return json(res, { result: { points: ROWS.map((row, i) => ({ ...point(row), score: 1 - i / 10 })) }, status: 'ok' })
      case 'POST /qdrant/collections/docs/points/scroll':
        return json(res, {
          result: { points: ROWS.map((row) => ({ ...point(row), vector: embed(row.text) })), next_page_offset: null },
          status: 'ok'
        })
      default:
        return json(res, { error: 'nothing here' }, 404)
    }
  })
}

function point ({ id, text, salary }) {
  return { id, payload: { text, salary } }
}

function json (res, value, status = 200) {
  res.writeHead(status, { 'Content-Type': 'application/json' })
  res.end(JSON.stringify(value))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const port = Number(process.env.PORT ?? 8081)
  upstream().listen(port, '127.0.0.1', () => console.log(`upstream on http://127.0.0.1:${port}`))
}
