'use strict'

// The corpus through Express.

const http = require('node:http')
const express = require('express')

const { guard } = require('wardline/express')
const { corpus } = require('./corpus.js')

corpus('Express', 'express', (behind, current) => {
  const app = express()
  app.disable('x-powered-by')
  app.set('etag', false)
  app.use(guard(behind))
  app.use(async (req, res) => {
    const pieces = []
    for await (const piece of req) pieces.push(piece)
    current().service = { headers: req.headers, body: Buffer.concat(pieces).toString('utf8') }
    await answer(res, current().case.service ?? {})
  })
  return http.createServer(app)
})

async function answer (res, { status = 200, headers = {}, chunks = [], length = false }) {
  res.statusCode = Math.max(status, 200)
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value)
  if (length) {
    res.setHeader('content-length', Buffer.byteLength(chunks.join('')))
    return res.end(chunks.join(''))
  }
  for (const chunk of chunks) {
    res.write(chunk)
    await new Promise((resolve) => setImmediate(resolve))
  }
  res.end()
}
