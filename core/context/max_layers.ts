/** Layers, the writable one included: names of those below must fit into a string of 255 bytes. */
export const maxLayers = 16
