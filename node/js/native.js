'use strict'

// The module that cargo builds. `native(guard)` is what stands behind a Guard, for the doors of this package.

const stands = Symbol('wardline.native')

let module_
try {
  module_ = require('../wardline_node.node')
} catch (cause) {
  const error = new Error(
    'wardline: the native module is missing or was built for another platform; README.md says how to build it', { cause })
  error.code = 'native_module_missing'
  throw error
}

module.exports = { ...module_, stands, native: (guard) => guard[stands] }
