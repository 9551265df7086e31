import door from './express.js'

export const { guard, holdContinue } = door
export default guard
