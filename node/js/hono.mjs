import door from './hono.js'

export const { guard } = door
export default guard
