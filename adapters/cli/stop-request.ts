/**
 * Whoever wants the server to end: a signal, or SHUTDOWN. The first request counts; after it a signal ends the process.
 *
 * Who signals a whole process group, as systemd and terminals do, signals the launcher too, which hands it on: so the same
 * signal again within `SAME_MS` is not a second one.
 */
import process from "node:process";

export interface StopRequest {
  /** What asked, in words. */
  readonly reason: string;
  /** Nothing is to be waited for. */
  readonly now: boolean;
}

/** Exit code after a second signal. */
const EX_INTERRUPTED = 1;
const SAME_MS = 500;

export class StopRequests {
  /** The first request. */
  readonly first: Promise<StopRequest>;
  #resolve: (request: StopRequest) => void = () => {};
  #stopping = false;
  #signal = "";
  #signalledMs = 0;

  constructor() {
    this.first = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      process.on(signal, () => {
        if (this.#signal === signal && performance.now() - this.#signalledMs < SAME_MS) return;
        if (this.#stopping) process.exit(EX_INTERRUPTED);
        this.#signal = signal;
        this.#signalledMs = performance.now();
        this.request({ reason: signal, now: false });
      });
    }
  }

  request(request: StopRequest): void {
    this.#stopping = true;
    this.#resolve(request);
  }
}
