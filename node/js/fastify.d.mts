export * from './fastify.js'
export { guard as default } from './fastify.js'
