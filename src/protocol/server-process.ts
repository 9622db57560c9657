/**
 * The process around a node's servers, as the adapter that runs them describes it: `src/` cannot look at a process, and a
 * server cannot end one. Statistics and INFO report the facts; SHUTDOWN calls `shutdown`.
 *
 * An adapter attaches it once to each server (`attachProcess`). Without it, as in an embedded server or the simulator,
 * what it would tell is left out or reported as 0, and SHUTDOWN is refused.
 */

/** What the process has taken from the system, in bytes. */
export interface ProcessMemory {
  /** All of it that is in memory. */
  readonly residentBytes: number;
  /** The garbage-collected heap: allocated, and in use. */
  readonly heapBytes: number;
  readonly heapUsedBytes: number;
  /** Array buffers and what else the runtime keeps outside its heap, as far as the runtime tells. */
  readonly externalBytes: number;
}

export interface ServerProcess {
  readonly pid: number;
  /** Name and version of the operating system and the machine, as in "Linux 6.1.0 x86_64". */
  readonly os: string;
  /** Name and version of the runtime, as in "bun 1.4.5". */
  readonly runtime: string;
  readonly executable: string;
  readonly configFile: string;
  /** The port that was bound. */
  readonly port: number;
  readonly systemMemoryBytes: number;
  /** Resident bytes of the process at the moment. */
  residentBytes(): number;
  /** The same with what the runtime knows of its parts. */
  memory?(): ProcessMemory;
  /** Processor time that the process has used, in seconds. */
  cpuSeconds(): { readonly user: number; readonly system: number };
  /** Stops the server: finishes what is in flight, unless `now`. It returns before that is done. */
  shutdown?(request: { readonly now: boolean }): void;
}

const processes = new WeakMap<object, ServerProcess>();

/** Tells a server, of whatever protocol, which process it runs in. */
export function attachProcess(server: object, description: ServerProcess): void {
  processes.set(server, description);
}

/** The process that a server runs in, if anybody has told. */
export function serverProcess(server: object): ServerProcess | undefined {
  return processes.get(server);
}
