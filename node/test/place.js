'use strict'

// A place for one test file: a folder of its own with a policy in it, servers that close when the tests are done.

const fs = require('node:fs')
const http = require('node:http')
const os = require('node:os')
const path = require('node:path')
const { after } = require('node:test')
const { execFileSync } = require('node:child_process')

const { Guard } = require('wardline')

// What a test opens stays open until the tests of its file are done, whichever hook it was opened in.
const closing = []
after(async () => {
  for (const close of closing.reverse()) await close()
})

const CORPUS = path.join(__dirname, '../../core/tests/data')

/** A folder with this policy in it (the corpus' own by default), and a guard under it. */
function place (policy = fs.readFileSync(path.join(CORPUS, 'exchanges.yaml'), 'utf8')) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'wardline-'))
  const file = path.join(folder, 'wardline.yaml')
  fs.writeFileSync(file, policy)
  const guard = new Guard(file)
  closing.push(async () => {
    await guard.flush()
    fs.rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
  })
  return { folder, file, guard }
}

/** Serves on a free port until the tests are done. */
async function serve (handler) {
  const server = handler instanceof http.Server ? handler : http.createServer(handler)
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return { server, port: server.address().port }
}

/** The exchanges that the log of a place holds, oldest first, once it holds `count` of them. */
async function records ({ guard, file }, count = 1) {
  for (let tries = 0; tries < 400; tries++) {
    await guard.flush()
    const lines = command('audit', 'query', '--policy', file, '--json', '--limit', '1000').split('\n').filter(Boolean)
    const found = lines.map((line) => JSON.parse(line)).filter((one) => ['exchange', 'end'].includes((one.record ?? one).kind))
    if (found.length >= count) return found.map((one) => one.record ?? one)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error(`the log does not come to hold ${count} exchanges`)
}

/** The `wardline` command as the package brings it. */
function command (...args) {
  return execFileSync(process.execPath, [path.join(__dirname, '../js/cli.js'), ...args], { encoding: 'utf8' })
}

module.exports = { CORPUS, place, serve, records, command }
