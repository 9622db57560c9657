/** Whoever wants the server to end: a signal, or SHUTDOWN. The first request counts; after it a signal ends the process. */
import process from "node:process";

export interface StopRequest {
  /** What asked, in words. */
  readonly reason: string;
  /** Nothing is to be waited for. */
  readonly now: boolean;
}

/** Exit code after a second signal. */
const EX_INTERRUPTED = 1;

export class StopRequests {
  /** The first request. */
  readonly first: Promise<StopRequest>;
  #resolve: (request: StopRequest) => void = () => {};
  #stopping = false;

  constructor() {
    this.first = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      process.on(signal, () => {
        if (this.#stopping) process.exit(EX_INTERRUPTED);
        this.request({ reason: signal, now: false });
      });
    }
  }

  request(request: StopRequest): void {
    this.#stopping = true;
    this.#resolve(request);
  }
}
