'use strict'

const native = require('./native.js')
const { run } = require('./running.js')

const { Guard: Native, stands } = native

/** The guards of this process, or of this thread of it, that were not collected. */
const living = new Set()
const collected = new FinalizationRegistry((guard) => living.delete(guard))

// What guards have recorded is on disk and signed before the process ends, by `process.exit()` too.
process.on('exit', () => {
  for (const guard of living) guard.deref()?.flushNow()
})

function flushAtExit (native) {
  const guard = new WeakRef(native)
  living.add(guard)
  collected.register(native, guard)
}

/** Guards one or more services under one policy. Opens nothing before it is first used. */
class Guard {
  /** A guard under the policy of a file. Throws every error of the policy at once, as `diagnostics`. */
  constructor (path, { watch = false } = {}) {
    const native = path instanceof Native ? path : Native.fromFile(text(path, 'the path of a policy'), Boolean(watch))
    Object.defineProperty(this, stands, { value: native })
    flushAtExit(native)
  }

  static fromFile (path, options = {}) {
    return new Guard(path, options)
  }

  /** Reads the policy's file again; rejects where it is wrong, and changes nothing then. Whether another policy came into force. */
  async reload () {
    return JSON.parse(await this[stands].reload())
  }

  /** A guard under the policy of a text; relative paths in it start from the folder of `name`. */
  static parse (source, name = 'wardline.yaml') {
    return new Guard(Native.parse(text(source, 'a policy'), name))
  }

  /** Masks a body as all mask entries of the policy together say: `{body, findings}`, the body of the type given. */
  mask (body, contentType) {
    const bytes = asBytes(body)
    const masked = this[stands].mask(bytes, text(contentType, 'a content type'))
    const changed = masked.body ?? null
    return {
      body: changed === null ? body : typeof body === 'string' ? changed.toString('utf8') : changed,
      findings: JSON.parse(masked.findings)
    }
  }

  /** What a token or encrypted digits stand for: `{entity, value}`. It takes a live grant, and is recorded. */
  async unmask (hidden, identity, { entity = null, scope = null } = {}) {
    return JSON.parse(await this[stands].unmask(
      text(hidden, 'a token or digits'), caller(identity) ?? 'null', entity, scope))
  }

  /** Calls `work` where these statements may run, and answers as it does. Rejects with the answer's code where they may not. */
  async statement (source, { service, identity = null, dialect = null, parameters = null, numbers = [] }, work) {
    const whole = Array.from(numbers, (number) => Number.isSafeInteger(number) ? number : null)
    const bound = { ...(parameters === null ? {} : { parameters: asBytes(parameters) }), numbers: whole }
    return run(native.beginStatement(
      this[stands], text(source, 'a statement'), text(service, 'the name of a service'), caller(identity), dialect,
      bound), work)
  }

  /** The same for a command: text of a shell, or a list of words, for a program and its arguments or for a server. */
  async command (line, { service, identity = null }, work) {
    if (typeof line !== 'string' && !Array.isArray(line)) throw wrong('expected a command as text or as a list of words')
    const said = typeof line === 'string' ? line : line.map((word) => Buffer.from(asBytes(word)))
    return run(native.beginCommand(
      this[stands], said, text(service, 'the name of a service'), caller(identity)), work)
  }

  /** What a request would be taken for. Nothing is decided or recorded. */
  classify (request) {
    return JSON.parse(this[stands].classify(...parts(request)))
  }

  /** Why a request would be let through, held or denied now. Nothing is recorded. */
  explain (request, identity = null) {
    return JSON.parse(this[stands].explain(...parts(request), caller(identity)))
  }

  /** What was counted in this process, as OpenMetrics text. */
  metricsText () {
    return this[stands].metricsText()
  }

  /** Issues a grant; its clock starts now. */
  async issueGrant (terms, by) {
    return JSON.parse(await this[stands].issueGrant(JSON.stringify(terms ?? null), text(by, 'who issues the grant')))
  }

  /** Asks for a grant: it is issued when those approve whom the policy names. */
  async requestGrant (terms, by) {
    return JSON.parse(await this[stands].requestGrant(JSON.stringify(terms ?? null), text(by, 'who asks for the grant')))
  }

  /** Hands a part of a grant on: to others, for less, never for more. */
  async handOnGrant (id, terms, by) {
    return JSON.parse(await this[stands].handOnGrant(
      text(id, 'the id of a grant'), JSON.stringify(terms ?? null), text(by, 'who hands it on')))
  }

  /** Ends a grant now, with all that was handed on from it, for every process on this state. */
  async revokeGrant (id, by, reason) {
    return JSON.parse(await this[stands].revokeGrant(
      text(id, 'the id of a grant'), text(by, 'who revokes it'), text(reason, 'a reason')))
  }

  /** All grants ever issued, ended ones too. */
  async grants () {
    return JSON.parse(await this[stands].grants())
  }

  /** All approvals, or those in one state. */
  async approvals (state = null) {
    return JSON.parse(await this[stands].approvals(state))
  }

  /** A person's yes to a held request. */
  async approve (id, by, reason = null) {
    return this.#vote(id, by, 'approve', reason)
  }

  /** A person's yes in an emergency, alone, with a reason. */
  async breakGlass (id, by, reason) {
    return this.#vote(id, by, 'break_glass', reason)
  }

  /** A person's no to a held request. */
  async deny (id, by, reason = null) {
    return this.#vote(id, by, 'deny', reason)
  }

  /** Takes a request of one's own back, also one that is approved and not yet used. */
  async cancel (id, by, reason = '') {
    return JSON.parse(await this[stands].cancel(text(id, 'the id of an approval'), text(by, 'who asked'), reason))
  }

  /** Says something about an open approval; it decides nothing. */
  async comment (id, by, said) {
    const [who, what] = [text(by, 'who says it'), text(said, 'what is said')]
    return JSON.parse(await this[stands].comment(text(id, 'the id of an approval'), who, what))
  }

  async #vote (id, by, answer, reason) {
    return JSON.parse(await this[stands].vote(text(id, 'the id of an approval'), text(by, 'who votes'), answer, reason))
  }

  /** Waits until every record so far is on disk and signed. */
  async flush () {
    await this[stands].flush()
  }

  /** Rejects with the reason for which exchanges would be denied with `guard_unavailable`. */
  async check () {
    await this[stands].check()
  }
}

/** A request as it crosses the border: its head, whose headers are one text, and its body. */
function parts ({ method, url, headers = {}, body = '' }) {
  const lines = []
  for (const [name, value] of Object.entries(headers)) {
    for (const one of Array.isArray(value) ? value : [value]) lines.push(name, String(one))
  }
  const head = { method: text(method, 'a method'), url: text(url, 'a URL'), headers: lines.join('\n'), lines: lines.length }
  return [head, asBytes(body)]
}

/** A verified caller as JSON; nothing where there is none. */
function caller (identity) {
  if (identity === null || identity === undefined) return null
  return JSON.stringify(typeof identity === 'string' ? { subject: identity } : identity)
}

function asBytes (body) {
  if (typeof body === 'string') return Buffer.from(body, 'utf8')
  if (body instanceof Uint8Array) return body
  throw wrong('expected a body as Buffer or string')
}

function text (value, what) {
  if (typeof value !== 'string') throw wrong(`expected ${what} as text`)
  return value
}

function wrong (message) {
  return Object.assign(new TypeError(message), { code: 'invalid_input' })
}

module.exports = { Guard }
