'use strict'

// The numbers that cross the border; src/exchange.rs, src/heads.rs, src/door.rs and src/guard.rs have the same.

module.exports = {
  STEP: { NEED_BODY: 0, EFFECT: 1, ANSWER: 2, FORWARD: 3, FORWARD_WHOLE: 4, FORWARD_FEED: 5 },
  PASSAGE: { PASS: 0, STREAM: 1, WHOLE: 2, REFUSE: 3 },
  DOOR: { EXPRESS: 0, FASTIFY: 1, FETCH: 2, HONO: 3, FETCH_EGRESS: 4, UNDICI_EGRESS: 5, HTTP_EGRESS: 6 },
  // Any other number is how many bytes wait to go on instead; a text is what goes on itself, a byte a character.
  FLOW: { UNCHANGED: -1, EFFECT: -2, ABORT: -3, LAST: -4 },
  ENDING: { COMPLETE: 0, DISCONNECTED: 1, FAILED: 2 },
  EDITS: { NONE: 0, OTHER: 127 },

  /** A step or a passage, out of a number that carries more. */
  code: (packed) => packed & 7,
  /** The number of the edits that come with it. */
  edits: (packed) => (packed >>> 3) & 127,
  /** The number of the exchange, out of what `begin` gives. */
  exchange: (packed) => packed >>> 10
}
