/**
 * Bytes: allocation, copying, text and release, behind one function each, because the fastest way differs by runtime.
 *
 * `Buffer.prototype.copy` copies a range without allocating a view (`subarray` + `set` allocates one per call), and on
 * Bun in a third of the time; under 48 bytes an inline loop beats both on every runtime. The Buffer's own text
 * functions take half the time of TextDecoder. Where there is no Buffer (workerd without compatibility flags,
 * browsers), the portable way is taken; nothing else differs.
 */

export type Bytes = Uint8Array;

type NativeCopy = (this: Uint8Array, target: Uint8Array, at: number, start: number, end: number) => number;
type NativeSlice = (this: Uint8Array, start: number, end: number) => string;
interface BufferConstructor {
  prototype: { copy: NativeCopy; latin1Slice?: NativeSlice; utf8Slice?: NativeSlice };
  allocUnsafeSlow(size: number): Uint8Array<ArrayBuffer>;
}

const nodeBuffer = (globalThis as { Buffer?: BufferConstructor }).Buffer;
const nativeCopy = nodeBuffer?.prototype.copy;
const nativeLatin1 = nodeBuffer?.prototype.latin1Slice;
const nativeUtf8 = nodeBuffer?.prototype.utf8Slice;

/** Below this many bytes, a loop copies faster than a call into the runtime. */
const LOOP_COPY_LIMIT = 48;
/** Below this many bytes, a loop makes a string faster than a call into the runtime. */
const LOOP_TEXT_LIMIT = 8;

/** No bytes at all: what a field without content points to. */
export const EMPTY_BYTES: Uint8Array<ArrayBuffer> = new Uint8Array(0);

/**
 * Allocates `size` bytes in a buffer of their own; zeroed or not depends on the runtime, so the caller writes before
 * it reads. Never a Buffer, whose `slice` shares memory where that of a Uint8Array copies.
 */
export function allocateBytes(size: number): Uint8Array<ArrayBuffer> {
  return nodeBuffer === undefined ? new Uint8Array(size) : new Uint8Array(nodeBuffer.allocUnsafeSlow(size).buffer);
}

/**
 * Copies `source[start, end)` to `target` at `at`. The range must lie within `source` and fit into `target`. Ranges of
 * one buffer may overlap only if `at <= start`.
 */
export function copyBytes(source: Bytes, start: number, end: number, target: Bytes, at: number): void {
  if (end - start < LOOP_COPY_LIMIT) {
    for (let i = start, j = at; i < end; i++, j++) target[j] = source[i] as number;
  } else if (nativeCopy !== undefined) {
    nativeCopy.call(source, target, at, start, end);
  } else {
    target.set(source.subarray(start, end), at);
  }
}

/** True if the two ranges hold the same bytes. */
export function equalBytes(a: Bytes, aStart: number, b: Bytes, bStart: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (a[aStart + i] !== b[bStart + i]) return false;
  return true;
}

const encoder = new TextEncoder();
// Without `ignoreBOM` the decoder would swallow a leading U+FEFF, which is a character of the key like any other.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** UTF-8 bytes of a string. */
export function encodeText(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}

/** A string from the UTF-8 in `bytes[start, end)`, which must lie within; malformed sequences become U+FFFD. */
export function decodeText(bytes: Bytes, start = 0, end: number = bytes.length): string {
  return nativeUtf8 === undefined ? decoder.decode(bytes.subarray(start, end)) : nativeUtf8.call(bytes, start, end);
}

/** A string with one char code per byte: exact for any bytes, which is what Map keys and ASCII fields need. */
export function decodeLatin1(bytes: Bytes, start = 0, end: number = bytes.length): string {
  if (nativeLatin1 !== undefined && end - start >= LOOP_TEXT_LIMIT) return nativeLatin1.call(bytes, start, end);
  let text = "";
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i] as number);
  return text;
}

/** The reverse of `decodeLatin1`. Char codes above 255 are cut to their low byte. */
export function encodeLatin1(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/**
 * Gives a buffer's memory back at once instead of at the next garbage collection, where the runtime can. The whole
 * ArrayBuffer goes, so it must belong to these bytes alone, as that of `allocateBytes` does; afterwards every view of
 * it has length 0.
 */
export function releaseBytes(bytes: { readonly buffer: ArrayBufferLike }): void {
  const buffer = bytes.buffer as ArrayBuffer & { transfer?: (size: number) => ArrayBuffer };
  buffer.transfer?.(0);
}
