/**
 * The subcommands of CLIENT for tracking: TRACKING, CACHING, GETREDIR, TRACKINGINFO. What they do is in ../tracking.ts;
 * here is what they accept, with Redis's own errors, in Redis's order of checks.
 */
import { encodeLatin1 } from "../../../core/bytes.ts";
import type { Args } from "../args.ts";
import { type Command, command } from "../command.ts";
import type { Session } from "../session.ts";
import { MAX_PREFIX_BYTES, MAX_PREFIXES_PER_SESSION, type TrackingOptions } from "../tracking.ts";
import { NOT_AN_INTEGER, SYNTAX_ERROR } from "../values.ts";

const MODE_SWITCH = (what: string) =>
  `ERR You can't switch ${what} before disabling tracking for this client, and then re-enabling it with a different mode.`;

/** What CLIENT TRACKING asks for, or the text of an error. */
export function parseTrackingOptions(session: Session, args: Args): TrackingOptions | string {
  let [redirect, broadcast, optIn, optOut, noLoop] = [0, false, false, false, false];
  const prefixes: string[] = [];
  for (let i = 3; i < args.count; i++) {
    const more = i + 1 < args.count;
    if (args.is(i, "REDIRECT") && more) {
      if (redirect !== 0) return "ERR A client can only redirect to a single other client";
      redirect = args.integer(++i);
      if (Number.isNaN(redirect)) return NOT_AN_INTEGER;
      if (session.server.session(redirect) === undefined) {
        return "ERR The client ID you want redirect to does not exist";
      }
    } else if (args.is(i, "PREFIX") && more) {
      prefixes.push(args.latin1(++i));
    } else if (args.is(i, "BCAST")) {
      broadcast = true;
    } else if (args.is(i, "OPTIN")) {
      optIn = true;
    } else if (args.is(i, "OPTOUT")) {
      optOut = true;
    } else if (args.is(i, "NOLOOP")) {
      noLoop = true;
    } else {
      return SYNTAX_ERROR;
    }
  }
  return { redirect, broadcast, optIn, optOut, noLoop, prefixes };
}

/** What is wrong with options that are well-formed: with each other, or with what the session has now. */
function conflictOf(session: Session, options: TrackingOptions): string | undefined {
  const now = session.tracking;
  const { broadcast, optIn, optOut, prefixes } = options;
  if (!broadcast && prefixes.length > 0) return "ERR PREFIX option requires BCAST mode to be enabled";
  if (now !== undefined && now.broadcast !== broadcast) return MODE_SWITCH("BCAST mode on/off");
  if (broadcast && (optIn || optOut)) return "ERR OPTIN and OPTOUT are not compatible with BCAST";
  if (optIn && optOut) return "ERR You can't specify both OPTIN mode and OPTOUT mode";
  if ((optIn && now?.optOut) || (optOut && now?.optIn)) return MODE_SWITCH("OPTIN/OPTOUT mode");
  return broadcast ? prefixConflict(now?.prefixes ?? [], prefixes) : undefined;
}

function prefixConflict(existing: readonly string[], provided: readonly string[]): string | undefined {
  const long = provided.find((prefix) => prefix.length > MAX_PREFIX_BYTES);
  if (long !== undefined) return `ERR prefix is too long: ${long.length} bytes, the limit is ${MAX_PREFIX_BYTES}`;
  const count = existing.length + provided.length;
  if (count > MAX_PREFIXES_PER_SESSION) {
    return `ERR too many prefixes: ${count}, the limit of a connection is ${MAX_PREFIXES_PER_SESSION}`;
  }
  const overlap = (a: string, b: string) => a.startsWith(b) || b.startsWith(a);
  for (const [i, prefix] of provided.entries()) {
    const before = existing.find((one) => overlap(one, prefix));
    if (before !== undefined) return overlapError(prefix, "an existing prefix", before);
    const other = provided.slice(i + 1).find((one) => overlap(one, prefix));
    if (other !== undefined) return overlapError(prefix, "another provided prefix", other);
  }
  return undefined;
}

function overlapError(prefix: string, which: string, other: string): string {
  return `ERR Prefix '${prefix}' overlaps with ${which} '${other}'. Prefixes for a single client must not overlap.`;
}

function tracking(session: Session, args: Args): void {
  const { reply, server } = session;
  const options = parseTrackingOptions(session, args);
  if (typeof options === "string") return reply.error(options);
  if (args.is(2, "OFF")) {
    server.tracking.disable(session);
    return reply.ok();
  }
  if (!args.is(2, "ON")) return reply.error(SYNTAX_ERROR);
  const conflict = conflictOf(session, options);
  if (conflict !== undefined) return reply.error(conflict);
  server.tracking.enable(session, options);
  reply.ok();
}

function caching(session: Session, args: Args): void {
  const { reply, tracking: state } = session;
  if (state === undefined) {
    return reply.error(
      "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled",
    );
  }
  const yes = args.is(2, "YES");
  if (!yes && !args.is(2, "NO")) return reply.error(SYNTAX_ERROR);
  if (yes && !state.optIn) {
    return reply.error("ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.");
  }
  if (!yes && !state.optOut) {
    return reply.error("ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.");
  }
  state.caching = true;
  reply.ok();
}

function trackingInfo(session: Session): void {
  const { reply, tracking: state } = session;
  const flags = [state === undefined ? "off" : "on"];
  if (state?.broadcast) flags.push("bcast");
  if (state?.optIn) flags.push("optin");
  if (state?.optIn && state.caching) flags.push("caching-yes");
  if (state?.optOut) flags.push("optout");
  if (state?.optOut && state.caching) flags.push("caching-no");
  if (state?.noLoop) flags.push("noloop");
  if (state?.brokenRedirect) flags.push("broken_redirect");
  reply.map(3);
  reply.text("flags");
  reply.set(flags.length);
  for (const flag of flags) reply.text(flag);
  reply.text("redirect");
  reply.integer(state?.redirect ?? -1);
  reply.text("prefixes");
  const prefixes = state?.prefixes ?? [];
  reply.array(prefixes.length);
  for (const prefix of prefixes) reply.bulk(encodeLatin1(prefix), 0, prefix.length);
}

const FLAGS = ["noscript", "loading", "stale"] as const;
const CATEGORIES = ["slow", "connection"];
const GROUP = "connection";

/** For `subcommands` of CLIENT. */
export const trackingSubcommands: readonly Command[] = [
  command({
    name: "client|caching",
    arity: 3,
    flags: FLAGS,
    group: GROUP,
    since: "6.0.0",
    summary: "Instructs the server whether to track the keys in the next request.",
    complexity: "O(1)",
    syntax: "YES|NO",
    categories: CATEGORIES,
    handler: caching,
  }),
  command({
    name: "client|getredir",
    arity: 2,
    flags: FLAGS,
    group: GROUP,
    since: "6.0.0",
    summary: "Returns the client ID to which the connection's tracking notifications are redirected.",
    complexity: "O(1)",
    categories: CATEGORIES,
    handler: (session) => session.reply.integer(session.tracking?.redirect ?? -1),
  }),
  command({
    name: "client|tracking",
    arity: -3,
    flags: FLAGS,
    group: GROUP,
    since: "6.0.0",
    summary: "Controls server-assisted client-side caching for the connection.",
    complexity: "O(1). Some options may introduce additional complexity.",
    syntax: "ON|OFF [REDIRECT client-id] [PREFIX prefix [PREFIX prefix ...]] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]",
    categories: CATEGORIES,
    handler: tracking,
  }),
  command({
    name: "client|trackinginfo",
    arity: 2,
    flags: FLAGS,
    group: GROUP,
    since: "6.2.0",
    summary: "Returns information about server-assisted client-side caching for the connection.",
    complexity: "O(1)",
    categories: CATEGORIES,
    handler: trackingInfo,
  }),
];
