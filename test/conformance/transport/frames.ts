/** Frames that say which one they are: channel (1), number (4), and bytes that follow from both. */

/** The shortest one. */
export const MIN_FRAME_BYTES = 5;

export function makeFrame(channel: number, number: number, size: number): Uint8Array {
  const frame = new Uint8Array(Math.max(MIN_FRAME_BYTES, size)).fill((31 * number + channel) & 0xff);
  frame[0] = channel;
  new DataView(frame.buffer).setUint32(1, number);
  return frame;
}

export function checkFrame(frame: Uint8Array): { channel: number; number: number; isWhole: boolean } {
  const channel = frame[0];
  const number = new DataView(frame.buffer, frame.byteOffset).getUint32(1);
  const byte = (31 * number + channel) & 0xff;
  return { channel, number, isWhole: frame.subarray(MIN_FRAME_BYTES).every((one) => one === byte) };
}
