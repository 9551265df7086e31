import door from './fastify.js'

export const { guard } = door
export default guard
