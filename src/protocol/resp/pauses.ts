/**
 * Requests that are held back: by CLIENT PAUSE, all or those that write, until a time; and those that write, while storage
 * has too much to do (durability.ts). A session whose request is held parses nothing behind it, so order is kept; the
 * request is dispatched again when the reason is over.
 */
import type { Cancel } from "../../core/ports.ts";
import { type Route, RouteBit } from "./command-table.ts";
import type { RespServer } from "./server.ts";
import { ServerAttention } from "./server-attention.ts";
import type { Session } from "./session.ts";
import { Halt } from "./session-state.ts";

export type PauseMode = "all" | "write";

export class Pauses {
  readonly #server: RespServer;
  #mode: PauseMode | undefined;
  #untilMs = 0;
  #cancel: Cancel | undefined;

  constructor(server: RespServer) {
    this.#server = server;
  }

  /** What CLIENT PAUSE holds back now. */
  get mode(): PauseMode | undefined {
    return this.#mode;
  }

  /** Holds requests back, of all commands or of those that write, until `untilMs` or `end`. */
  begin(untilMs: number, mode: PauseMode): void {
    const { node } = this.#server;
    // A pause that is running is extended, and never made weaker, as in Redis.
    if (this.#mode !== undefined) {
      mode = mode === "all" || this.#mode === "all" ? "all" : "write";
      untilMs = Math.max(untilMs, this.#untilMs);
    }
    this.#cancel?.();
    this.#mode = mode;
    this.#untilMs = untilMs;
    this.#server.attend(ServerAttention.PAUSED, true);
    this.#cancel = node.ports.timer.after(Math.max(0, untilMs - node.nowMs), () => this.end());
  }

  end(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#mode = undefined;
    this.#server.attend(ServerAttention.PAUSED, false);
    this.retry();
  }

  /** Dispatches held requests again: those that still have to wait are held once more. */
  retry(): void {
    for (const session of [...this.#server.sessions.values()]) {
      if ((session.halt & Halt.PAUSED) !== 0) session.release(Halt.PAUSED);
    }
  }

  /** True if a request has to wait. */
  holds(session: Session, route: Route): boolean {
    if ((route.bits & RouteBit.UNPAUSED) !== 0) return false;
    if (this.#mode === "all") return true;
    if (this.#mode === "write" && touches(session, route, RouteBit.WRITE)) return true;
    return this.#server.durability.slows && touches(session, route, RouteBit.STORED);
  }
}

/** True if the command, or one of those that it executes, has the bit. */
export function touches(session: Session, route: Route, bit: number): boolean {
  if ((route.bits & bit) !== 0) return true;
  if (route.command.name !== "exec") return false;
  return session.transaction?.requests.some((request) => (request.route.bits & bit) !== 0) ?? false;
}
