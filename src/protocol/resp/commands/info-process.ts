/**
 * The process around a server, as the adapter that runs it describes it: `src/` cannot look at a process, and a server
 * cannot end one. INFO reports the facts; SHUTDOWN calls `shutdown`.
 *
 * An adapter attaches it once (`attachProcess`). Without it, as in an embedded server or the simulator, INFO leaves out
 * or reports as 0 what it cannot know, and SHUTDOWN is refused.
 */
import type { RespServer } from "../server.ts";

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
  /** Processor time that the process has used, in seconds. */
  cpuSeconds(): { readonly user: number; readonly system: number };
  /** Stops the server: finishes what is in flight, unless `now`. It returns before that is done. */
  shutdown?(request: { readonly now: boolean }): void;
}

const processes = new WeakMap<RespServer, ServerProcess>();

/** Tells a server which process it runs in. */
export function attachProcess(server: RespServer, description: ServerProcess): void {
  processes.set(server, description);
}

/** The process that a server runs in, if anybody has told. */
export function serverProcess(server: RespServer): ServerProcess | undefined {
  return processes.get(server);
}
