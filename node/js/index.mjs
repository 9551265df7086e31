import wardline from './index.js'

export const { Guard } = wardline
