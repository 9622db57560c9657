/** What is said of a failed crash point: what is wrong, and the requests that it is about, with their times. */
import { type History, isShared, type Violation } from "./crash-check.ts";
import { type Action, covers, type Operation } from "./crash-model.ts";

const MAX_VIOLATIONS = 10;
/** Requests that are listed for a key, and of a connection around the one that is missing. */
const MAX_REQUESTS = 20;
const AROUND = 4;

/** In sentences, one a line. */
export function describeFailure(violations: readonly Violation[], history: History): string {
  const { killedMs, lossMs, connections } = history;
  const lines = violations.slice(0, MAX_VIOLATIONS).map(({ kind, text }) => `${kind}: ${text}`);
  if (violations.length > lines.length) lines.push(`and ${violations.length - lines.length} more`);
  const answered = connections.map((operations) => operations.filter(({ ackedMs }) => ackedMs < killedMs).length);
  const oldest = connections.flat().reduce((first, { sentMs }) => Math.min(first, sentMs), killedMs);
  const span = Math.round(killedMs - oldest);
  lines.push(
    `(${connections.length} connections, answered: ${answered.join(" ")}, over ${span} ms; may be lost: the last ${Math.round(lossMs)} ms)`,
  );
  const [first] = violations;
  if (first !== undefined) lines.push(...requestsOf(first, history));
  return lines.join("\n");
}

/** The requests that a violation is about: those that reach its key, or those around the one that is missing. */
function requestsOf({ text }: Violation, history: History): string[] {
  const { connections, killedMs, baseline } = history;
  const [, gap, connection] = /, (\d+) of connection (\d+) is not/.exec(text) ?? [];
  if (gap !== undefined) {
    const from = Math.max(0, Number(gap) - 1 - AROUND);
    const around = (connections[Number(connection)] ?? []).slice(from, Number(gap) + AROUND);
    return around.map((one, i) => describeRequest(one, `${connection}/${from + i + 1}`, killedMs));
  }
  const key = /^c(\d+):\w+/.exec(text);
  if (key === null) return [];
  const [name, owner] = key;
  const lines = connections.flatMap((operations, number) =>
    number !== Number(owner) && !isShared(name)
      ? []
      : operations.flatMap((one, i) =>
          reaches(one.action, name, number === Number(owner))
            ? [describeRequest(one, `${number}/${i + 1}`, killedMs)]
            : [],
        ),
  );
  const before = baseline.get(name);
  const start =
    before === undefined ? "absent" : `${before.value.slice(0, 40)}, expires ${before.expires?.from ?? "never"}`;
  return [`${name} at the start: ${start}`, ...lines.slice(-MAX_REQUESTS)];
}

function reaches(action: Action, key: string, own: boolean): boolean {
  if (action.kind === "flush") return own;
  if (action.kind === "save") return false;
  // Of its tags nothing is known here: what has any may reach it.
  return "selection" in action
    ? action.selection.tags.length > 0 || covers(action.selection, key, [])
    : action.key === key;
}

function describeRequest(
  { action, sentMs, ackedMs, sentAt, refused }: Operation,
  name: string,
  killedMs: number,
): string {
  const value = "value" in action ? ` ${action.value.slice(0, 40)}` : "";
  const ttl = "ttlMs" in action && action.ttlMs > 0 ? ` for ${action.ttlMs} ms` : "";
  const what = "key" in action ? `${action.kind} ${action.key}` : action.kind;
  const answer = Number.isFinite(ackedMs) ? `answered at ${(ackedMs - killedMs).toFixed(1)}` : "not answered";
  const how = refused ? ", refused" : "";
  return `  ${name} ${what}${value}${ttl}: sent at ${(sentMs - killedMs).toFixed(1)} ms (${sentAt}), ${answer}${how}`;
}
