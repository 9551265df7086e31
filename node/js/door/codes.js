'use strict'

// The numbers that cross the border; src/exchange.rs has the same.

module.exports = {
  STEP: { NEED_BODY: 0, EFFECT: 1, ANSWER: 2, FORWARD: 3, FORWARD_WHOLE: 4, FORWARD_FEED: 5 },
  PASSAGE: { PASS: 0, STREAM: 1, WHOLE: 2, REFUSE: 3 },
  // Any other number is how many bytes go on instead.
  FLOW: { UNCHANGED: -1, EFFECT: -2, ABORT: -3 },
  ENDING: { COMPLETE: 0, DISCONNECTED: 1, FAILED: 2 }
}
