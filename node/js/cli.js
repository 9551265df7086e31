#!/usr/bin/env node
'use strict'

process.exitCode = require('./native.js').command(process.argv.slice(2))
