'use strict'

// node-postgres under guard: every statement that a pool's connections send is judged, and its rows are read before they
// are handed on.
//
//   const pool = guardPool(new pg.Pool(), 'wardline.yaml', { service: 'warehouse', identity: () => current.getStore() })
//   await pool.query('SELECT title FROM docs WHERE id = $1', [7])

const { Guard } = require('./index.js')
const { wrong } = require('./door/entry.js')
const { rowsOf, written } = require('./pg/rows.js')

/** Marks what was judged on its way to the connection. */
const JUDGED = Symbol('wardline.judged')

/**
 * Has all that goes through `pool` judged, as statements to the policy's service of this name; gives the pool again.
 *
 * `identity` is who sends them: a name, an identity, or a function that gives one, which is called where `query` is.
 * `query` rejects with the answer's `code` (and `approval`) where a statement may not run or its rows may not be handed
 * on; `result.rows` are as the policy's masks leave them. The pool may have no connections yet.
 */
function guardPool (pool, policy = process.env.WARDLINE_POLICY, { service, identity = null } = {}) {
  if (typeof pool?.Client !== 'function' || typeof pool.query !== 'function') throw wrong('expected a Pool of pg')
  if (pool.totalCount > 0) throw wrong('expected a pool without connections: those that it has would go on unguarded')
  if (typeof service !== 'string') throw wrong('expected the name of a service')
  const guard = policy instanceof Guard ? policy : new Guard(policy)
  const send = pool.query

  /** Judges one statement; `run` sends it and gives its result, or several. */
  const judged = (statement, run) => {
    const who = typeof identity === 'function' ? identity() : identity
    const to = { service, identity: who, parameters: written(statement.values), numbers: statement.values ?? [] }
    return guard.statement(statement.text, to, async (running) => {
      const result = await run({ ...statement, [JUDGED]: true })
      for (const one of [result].flat()) await told(running, one)
      await rowsOf(running, [result].flat())
      return result
    })
  }

  pool.Client = class GuardedClient extends pool.Client {
    #last = Promise.resolve()

    query (...given) {
      if (given[0]?.[JUDGED]) return super.query(...given)
      return answered(given, (statement) => {
        // Statements of one connection go in the order in which they were given, however long each is judged.
        const before = this.#last
        const sent = judged(statement, async (passed) => {
          await before
          return super.query(passed)
        })
        this.#last = Promise.allSettled([before, sent])
        return sent
      })
    }
  }
  pool.query = (...given) => answered(given, (statement) => judged(statement, (passed) => send.call(pool, passed)))
  return pool
}

/** Counts what a statement wrote. */
async function told (running, { command, rowCount }) {
  if (WRITES.has(command) && rowCount !== null) await running.touched(rowCount)
}

const WRITES = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE'])

/** Answers in the form in which `query` was asked: by its last argument, or a promise. */
function answered (given, work) {
  const callback = typeof given.at(-1) === 'function' ? given.at(-1) : undefined
  const result = asked(given).then(work)
  if (callback === undefined) return result
  result.then((result) => process.nextTick(callback, null, result), (error) => process.nextTick(callback, error))
}

/** What `query` was asked, as one object. */
async function asked ([config, values]) {
  const statement = typeof config === 'string' ? { text: config } : { ...config }
  if (typeof config?.submit === 'function') {
    throw wrong('expected a statement: the rows of cursors, streams and copies would go past the guard')
  }
  if (typeof statement.text !== 'string') throw wrong('expected a statement as text')
  // What is sent is what was judged, whatever becomes of the list meanwhile.
  const bound = Array.isArray(values) ? values : statement.values
  if (Array.isArray(bound)) statement.values = [...bound]
  return statement
}

module.exports = { guardPool }
