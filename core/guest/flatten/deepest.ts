/** A guest that would stand on more layers than this gets one instead of them. */
export const deepestStack = 10
