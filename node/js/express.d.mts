export * from './express.js'
export { guard as default } from './express.js'
