'use strict'

// What the service of a player is asked to do, as python/tests/players/play.py has it.

const { AsyncLocalStorage } = require('node:async_hooks')
const fs = require('node:fs')
const path = require('node:path')

const place = (name) => path.join(process.env.WARDLINE_PLAYER ?? '.', name)

// What stands before the guard sets it, and the service finds it.
const variable = new AsyncLocalStorage()

class Play {
  constructor (told) {
    this.asked = JSON.parse(told ?? '{}')
    this.status = this.asked.status ?? 200
    this.pieces = (this.asked.pieces ?? []).map((piece) => Buffer.from(piece, 'latin1'))
    this.reads = this.asked.reads ?? 'all'
    this.fails = this.asked.fails ?? ''
  }

  headers () {
    const length = this.pieces.reduce((sum, piece) => sum + piece.length, 0)
    return [...this.asked.headers ?? [], ...this.asked.length ? [['content-length', String(length)]] : []]
  }

  saw (method, target, headers, body) {
    const told = { method, target: target.split('?')[0], headers, body: body.toString('latin1'), variable: variable.getStore() ?? '' }
    fs.writeFileSync(place('saw.fresh'), JSON.stringify(told))
    fs.renameSync(place('saw.fresh'), place('saw.json'))
  }

  /** The pieces, each when it may leave. */
  async * stream () {
    try {
      if (this.asked.endless) yield * this.endless()
      for (const [number, piece] of this.pieces.entries()) {
        while (this.asked.gated && !fs.existsSync(place(`gate-${number}`))) await new Promise((resolve) => setTimeout(resolve, 5))
        yield piece
        await new Promise((resolve) => setImmediate(resolve))
      }
      if (this.fails === 'after') throw new Error('the service failed')
    } finally {
      fs.writeFileSync(place('closed'), '')
    }
  }

  /** Starts what goes on behind the answer, where one is asked for. */
  async task () {
    if (!this.asked.task) return
    while (!fs.existsSync(place('gate-task'))) await new Promise((resolve) => setTimeout(resolve, 5))
    fs.writeFileSync(place('task'), '')
  }

  * endless () {
    const piece = Buffer.concat(Array(this.asked.endless).fill(this.pieces[0]))
    for (let made = 0; ;) {
      yield piece
      fs.writeFileSync(place('made'), String(made += piece.length))
    }
  }
}

/** All of a request's body; read twice, what a second reading gives stands behind it. */
async function bodyOf (source, play) {
  const pieces = []
  for (let reading = 0; reading < (play.reads === 'none' ? 0 : play.reads === 'twice' ? 2 : 1); reading++) {
    for await (const piece of source) pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

/** Whether the compression at this side of the guard does anything. */
const compresses = (place, told) => told === place || told === 'both'

/** Listens, and says where. */
function listens (server) {
  server.listen(0, '127.0.0.1', () => console.log(server.address().port))
  // Whoever started it holds its standard input.
  process.stdin.on('end', () => process.exit()).resume()
}

module.exports = { Play, bodyOf, compresses, listens, variable }
