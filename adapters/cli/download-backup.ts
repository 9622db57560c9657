/**
 * A backup on its way from a node to whoever wants it. The head of the file, which says how many bytes it has, tells how
 * far it is and, at the end, whether it is whole: what was cut off never passes for a backup.
 */
import type { FileHandle } from "node:fs/promises";
import type { NodeClient } from "./client.ts";
import { CommandFailure } from "./exit-code.ts";

/** Bytes of SQLite's head that are looked at, and where the page size and the number of pages stand in it. */
const HEAD_BYTES = 32;
const PAGE_SIZE_AT = 16;
const PAGES_AT = 28;
const LARGEST_PAGE = 65_536;
const MAGIC = "SQLite format 3\0";

/** How many bytes the file has that begins with `head`; undefined if it is no SQLite database. */
export function sizeOf(head: Uint8Array): number | undefined {
  if (head.length < HEAD_BYTES || new TextDecoder("latin1").decode(head.subarray(0, MAGIC.length)) !== MAGIC) {
    return undefined;
  }
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const given = view.getUint16(PAGE_SIZE_AT);
  return (given === 1 ? LARGEST_PAGE : given) * view.getUint32(PAGES_AT);
}

/** Writes pieces to a file, each of them whole: the system may take a part of what it is given only. */
export function writerTo(handle: FileHandle): (piece: Uint8Array) => Promise<void> {
  return async (piece) => {
    for (let at = 0; at < piece.length; ) at += (await handle.write(piece, at, piece.length - at)).bytesWritten;
  };
}

/**
 * Asks a node for a backup and hands its bytes on as they come.
 *
 * @param write Takes a piece; the next one waits for it.
 * @param onProgress Told the share that has come.
 * @returns the number of bytes
 * @throws CommandFailure also if less came than there is
 */
export async function downloadBackup(
  client: NodeClient,
  write: (piece: Uint8Array) => Promise<void>,
  onProgress: (share: number) => void,
): Promise<number> {
  const head = new Uint8Array(HEAD_BYTES);
  let bytes = 0;
  let size: number | undefined;
  await client.download({ method: "GET", target: "/v1/backup" }, async (piece) => {
    if (bytes < HEAD_BYTES) {
      head.set(piece.subarray(0, HEAD_BYTES - bytes), bytes);
      if (bytes + piece.length >= HEAD_BYTES) size = sizeOf(head);
    }
    bytes += piece.length;
    await write(piece);
    if (size !== undefined) onProgress(Math.min(1, bytes / size));
  });
  if (bytes === size) return bytes;
  const what = size === undefined ? `${bytes} bytes that are no backup` : `${bytes} of ${size} bytes`;
  throw new CommandFailure(69, "incomplete", `${client.address} has sent ${what}`);
}
