'use strict'

// One state folder, many processes and threads: each makes its own guard.

const assert = require('node:assert')
const { fork } = require('node:child_process')
const cluster = require('node:cluster')
const http = require('node:http')
const { once } = require('node:events')
const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads')

const child = process.env.WARDLINE_TEST_POLICY
const WORKERS = 2
const EACH = 5

// The same file is what the children run.
if (child !== undefined) {
  serveGuarded(child, (port) => process.send({ port }))
} else if (!isMainThread && workerData?.policy !== undefined) {
  serveGuarded(workerData.policy, (port) => parentPort.postMessage({ port }))
} else {
  test()
}

/** Serves until it is told to stop; then all its records are on disk and signed, though the process ends at once. */
function serveGuarded (policy, ready) {
  const { Guard } = require('wardline')
  const { guard: middleware } = require('wardline/express')
  const guard = new Guard(policy)
  const pass = middleware(guard)
  const server = http.createServer((req, res) => pass(req, res, () => {
    res.setHeader('Content-Type', 'application/json')
    res.end('{"result":{}}')
  }))
  server.listen(0, '127.0.0.1', () => ready(server.address().port))
  const from = parentPort ?? process
  from.on('message', async (message) => {
    if (message !== 'stop') return
    server.closeAllConnections()
    server.close()
    // Nobody waits for the log: it is written as the process ends.
    if (parentPort === null) process.exit()
    await guard.flush()
    parentPort.close()
  })
}

function test () {
  const { after, describe, it } = require('node:test')
  const { command, place, records } = require('./place.js')
  const wire = require('./wire.js')

  const read = async (port) => {
    const { bytes } = await wire.exchange(port, wire.request('GET', '/qdrant/collections/docs/points/7', { 'x-user': 'ana' }))
    return wire.parse(bytes).status
  }

  const starts = {
    'worker threads': (policy) => {
      const worker = new Worker(__filename, { workerData: { policy } })
      return { one: worker, send: (message) => worker.postMessage(message) }
    },
    'forked processes': (policy) => {
      const one = fork(__filename, { env: { ...process.env, WARDLINE_TEST_POLICY: policy } })
      return { one, send: (message) => one.send(message) }
    },
    'workers of a cluster': (policy) => {
      cluster.setupPrimary({ exec: __filename })
      const one = cluster.fork({ WARDLINE_TEST_POLICY: policy })
      return { one, send: (message) => one.send(message) }
    }
  }

  describe('one state folder', () => {
    for (const [name, start] of Object.entries(starts)) {
      it(`serves ${name}, and its log has the exchanges of each`, async () => {
        const here = place()
        const running = Array.from({ length: WORKERS }, () => start(here.file))
        after(() => { for (const { one } of running) one.kill?.() ?? one.terminate?.() })
        const ports = await Promise.all(running.map(async ({ one }) => (await once(one, 'message'))[0].port))
        const asked = ports.flatMap((port) => Array.from({ length: EACH }, () => read(port)))
        assert.deepStrictEqual(new Set(await Promise.all(asked)), new Set([200]))
        await Promise.all(running.map(({ one, send }) => {
          const gone = once(one, 'exit')
          send('stop')
          return gone
        }))
        assert.strictEqual((await records(here, WORKERS * EACH)).length, WORKERS * EACH)
        const { logs } = JSON.parse(command('audit', 'verify', '--policy', here.file, '--json'))
        assert.deepStrictEqual(logs.map(({ signed }) => signed), logs.map(({ size }) => size))
      })
    }
  })
}
