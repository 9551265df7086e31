import door from './fetch.js'

export const { guard } = door
export default guard
