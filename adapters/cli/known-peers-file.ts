/**
 * The file of last known peers: where the members of a cluster were when this node last saw them, so that it finds them again
 * when DNS does not answer. JSON: `{"version": 1, "cluster": "...", "peers": ["host:port", ...]}`.
 *
 * It is written beside the old one and takes its place when it is on disk, so it is never half. One write at a time; what is to
 * be written meanwhile waits, the latest alone. A file that is damaged, too long or another cluster's is not used, and
 * `load` says why; the next write replaces it. A write that fails is reported, and the next change is written again.
 */
import { open, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { MAX_REMEMBERED } from "../../src/node/discovery.ts";
import { parsePeerAddress } from "../../src/node/peer-address.ts";

/** Longest file that is read. Policy: it is not used. */
const MAX_BYTES = 256 * 1_024;
const VERSION = 1;
const NAME = "peers.json";

export interface LoadedPeers {
  readonly peers: readonly string[];
  /** Why the file was not used; undefined if it was, or if there is none. */
  readonly problem?: string;
}

export class KnownPeersFile {
  readonly path: string;
  readonly #cluster: string;
  readonly #onError: (error: Error) => void;
  #next: readonly string[] | undefined;
  #writing: Promise<void> | undefined;

  /** @param onError is told why a write failed */
  constructor(directory: string, cluster: string, onError: (error: Error) => void) {
    this.path = join(directory, NAME);
    this.#cluster = cluster;
    this.#onError = onError;
  }

  /** What the last life has written. Never throws. */
  async load(): Promise<LoadedPeers> {
    try {
      const { size } = await stat(this.path);
      if (size > MAX_BYTES) return { peers: [], problem: `it has ${size} bytes; at most ${MAX_BYTES} are read` };
      return this.#read(await readFile(this.path, "utf8"));
    } catch (error) {
      if ((error as { code?: string }).code === "ENOENT") return { peers: [] };
      return { peers: [], problem: (error as Error).message };
    }
  }

  #read(text: string): LoadedPeers {
    let content: unknown;
    try {
      content = JSON.parse(text);
    } catch {
      return { peers: [], problem: "it is not JSON" };
    }
    const { version, cluster, peers } = (content ?? {}) as { version?: unknown; cluster?: unknown; peers?: unknown };
    if (version !== VERSION)
      return { peers: [], problem: `it is of version ${JSON.stringify(version)}, not ${VERSION}` };
    if (cluster !== this.#cluster) return { peers: [], problem: `it is of the cluster ${JSON.stringify(cluster)}` };
    const isAddress = (one: unknown) => typeof one === "string" && (parsePeerAddress(one)?.port ?? 0) > 0;
    if (!Array.isArray(peers) || !peers.every(isAddress)) return { peers: [], problem: "its peers are no addresses" };
    return { peers: peers.slice(0, MAX_REMEMBERED) as string[] };
  }

  /** Writes them, soon. */
  save(peers: readonly string[]): void {
    this.#next = peers;
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
  }

  /** Settles when all is written, or could not be. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    while (this.#next !== undefined) {
      const peers = this.#next;
      this.#next = undefined;
      await this.#write(`${JSON.stringify({ version: VERSION, cluster: this.#cluster, peers })}\n`).catch(
        this.#onError,
      );
    }
  }

  async #write(text: string): Promise<void> {
    const unfinished = `${this.path}.new`;
    try {
      const file = await open(unfinished, "w", 0o600);
      try {
        await file.writeFile(text);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(unfinished, this.path);
    } catch (error) {
      await rm(unfinished, { force: true }).catch(() => {});
      throw error;
    }
  }
}
