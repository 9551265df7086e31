'use strict'

// What the guard knows of a message, noted on the message itself where nobody else can read it.
//
// A `WeakMap` would say the same, but the collector looks through all of it each time that it runs: with a message or two for every exchange that is
// a fair part of what an exchange costs. A private field lives and goes with its message, whatever class that is of.
//
//   const notes = noted()
//   notes.set(res, outgoing)
//   notes.get(res)

class Given {
  constructor (message) {
    return message
  }
}

/** Notes of one kind; a message has the last that was made on it, for as long as there is the message. */
function noted () {
  return class extends Given {
    #note

    static set (message, note) {
      const on = #note in message ? message : new this(message)
      on.#note = note
    }

    static get (message) {
      return #note in message ? message.#note : undefined
    }
  }
}

module.exports = { noted }
