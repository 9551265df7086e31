'use strict'

// What every door is given: a guard or the path of its policy, and a function that tells the caller.
//
//   const { behind, identity } = entry('wardline.yaml', { identity: (req) => req.user })

const { Guard } = require('../index.js')
const { native } = require('../native.js')

/**
 * A guard's native side, and the caller of a message as it crosses the border: JSON, or `null` where nobody is named.
 *
 * `of` names what the caller is told by, for the error of a wrong one.
 */
function entry (policy = process.env.WARDLINE_POLICY, { identity } = {}, of = 'the request') {
  if (policy === undefined) {
    throw wrong('expected a Guard or the path of a policy, or one in WARDLINE_POLICY')
  }
  if (identity !== undefined && typeof identity !== 'function') {
    throw wrong(`expected identity to be a function of ${of}`)
  }
  return { behind: native(policy instanceof Guard ? policy : new Guard(policy)), identity }
}

/** An identity as it crosses the border. */
function written (who) {
  if (who === undefined || who === null) return null
  if (typeof who === 'string') return JSON.stringify({ subject: who })
  const { subject, groups, issuer, claims, hops } = who
  return JSON.stringify({ subject, groups, issuer, claims, hops })
}

/**
 * A guard's native side, and who requests that go out are from: a name or an identity, with its seal where `callerOf` gave
 * it, or a function that gives one of them for each.
 */
function outgoing (policy, { caller } = {}) {
  const { behind } = entry(policy)
  const tell = typeof caller === 'function' ? caller : () => caller
  /** The caller of the next request as it crosses the border. There is always one: the request itself vouches for nobody. */
  const who = () => {
    const told = tell()
    if (told === undefined || told === null) throw wrong('expected a caller: who the requests that go out are from')
    if (typeof told === 'string') return written(told)
    const { subject, groups, issuer, claims, hops, seal } = told
    return JSON.stringify({ subject, groups, issuer, claims, hops, seal })
  }
  if (typeof caller !== 'function') who()
  return { behind, who }
}

function wrong (message) {
  return Object.assign(new TypeError(message), { code: 'invalid_input' })
}

/** What a request is whose body somebody read before the guard. */
function alreadyRead () {
  return Object.assign(new Error(
    'wardline: the request body has been read already; the guard stands before any body parser'),
  { code: 'body_already_read' })
}

module.exports = { entry, outgoing, written, wrong, alreadyRead }
