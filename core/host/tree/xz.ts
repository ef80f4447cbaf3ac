/**
 * Decompression of xz, loaded when it is needed: the library compiles WebAssembly when it is loaded.
 *
 * @module
 */
// The library is CommonJS: a static import has the same meaning under Node, Deno and in the bundle.
import xz from 'xz-decompress'

/** What `compressed` holds; reading from it fails where the data are damaged. */
export function decompressXz(compressed: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  return new xz.XzReadableStream(compressed)
}
