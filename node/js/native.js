'use strict'

// The module that cargo builds: beside this package in a checkout, else in the package of this platform, which npm installs with it. `native(guard)` is
// what stands behind a Guard, for the doors of this package.

const { existsSync } = require('node:fs')
const path = require('node:path')
const { platformOf } = require('./platform.js')

const stands = Symbol('wardline.native')

let module_
try {
  const own = path.join(__dirname, '../wardline_node.node')
  module_ = require(existsSync(own) ? own : `wardline-${platformOf()}`)
} catch (cause) {
  const error = new Error(
    `wardline: the native module for ${platformOf()} is missing or does not load; npm installs it unless told to omit optional packages, and ` +
    'README.md says how to build it', { cause })
  error.code = 'native_module_missing'
  throw error
}

module.exports = { ...module_, stands, native: (guard) => guard[stands] }
