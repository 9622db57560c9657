/**
 * The cluster for people: aligned columns, what needs attention in words. Pure: the reply of `/v1/cluster` in, lines out.
 */
import type { ClusterStatus } from "../../src/node/cluster-status-schema.ts";
import { formatDuration } from "./duration.ts";
import { visible } from "./print.ts";
import { formatBytes, formatCount, type ReportStyle } from "./statistics-report.ts";

/** What `/v1/cluster` answers. */
export type ClusterReply =
  | { readonly enabled: false; readonly node: { readonly name: string; readonly region: string } }
  | ({ readonly enabled: true } & ClusterStatus);

type Ring = ClusterStatus["rings"][number];

const GAP = "  ";

/** Rows in columns as wide as their widest cell; the first row is the heading. */
function table(rows: readonly (readonly string[])[], style: ReportStyle): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows.map((row, i) => {
    const line = row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(GAP);
    return `${GAP}${i === 0 ? style.faint(line.trimEnd()) : line.trimEnd()}`;
  });
}

const milliseconds = (ms: number | undefined) => (ms === undefined ? "-" : formatDuration(ms));

/** What `shoal cluster status` prints. */
export function renderCluster(reply: ClusterReply, style: ReportStyle): string[] {
  if (!reply.enabled) {
    return [`The node is alone: it is no member of a cluster (region ${visible(reply.node.region)}).`];
  }
  const { node, slots, sync } = reply;
  const progress = sync.settled ? "" : `, ${(sync.progress * 100).toFixed(1)}% of what is under way got`;
  return [
    style.title(`${visible(node.id)} in ${visible(node.region)}, cluster ${visible(reply.cluster)}: ${reply.state}`),
    `${GAP}slots     ${formatCount(slots.visible)} served, ${formatCount(slots.hidden)} hidden, ${formatCount(slots.retained)} kept for others${progress}`,
    `${GAP}streams   ${formatBytes(reply.log.bytes)} of ${formatBytes(reply.log.maxBytes)} kept for peers`,
    `${GAP}waiting   ${formatCount(reply.requests.waiting)} requests, ${formatCount(reply.requests.waitingReceipts)} receipts`,
    ...attention(reply).map((line) => `${GAP}attention ${line}`),
    "",
    style.title("Members"),
    ...table(memberRows(reply), style),
    ...renderRings(reply.rings, style),
  ];
}

/** What an operator should look at. */
function attention({
  fence,
  clock,
  healthScore,
  refusedMembers,
  streams,
  state,
  ...transport
}: ClusterStatus): string[] {
  const { addresses = [], refusals } = transport;
  const lines: string[] = [];
  if (state === "superseded") lines.push("another node has taken over its name: stop this one");
  if (!fence.serving) lines.push("it has lost its region's majority and serves nothing");
  if (clock.heldByMost) lines.push("its clock is wrong, by what most peers say: it refuses writes");
  for (const { peer, held } of streams)
    if (held) lines.push(`the clock of ${visible(peer)} is wrong: its stream is held`);
  if (healthScore > 2) lines.push(`it is slow itself (health score ${healthScore} of 8)`);
  for (const { address, refusal, failures } of addresses) {
    if (failures > 0) lines.push(`${visible(address)} cannot be reached: ${visible(refusal ?? "no answer")}`);
  }
  if (refusals?.last !== undefined) {
    lines.push(
      `${visible(refusals.last.address)} was refused: ${visible(refusals.last.reason)} (${refusals.count} in all)`,
    );
  }
  if (refusedMembers > 0) lines.push(`${refusedMembers} members were not let in (maxMembers)`);
  return lines;
}

function memberRows({ members, streams, rings }: ClusterStatus): string[][] {
  const lags = new Map(streams.map((stream) => [stream.peer, stream]));
  const counts = new Map(rings.flatMap((ring) => ring.nodes.map((one) => [one.id, one.slots] as const)));
  const head = ["id", "region", "zone", "state", "weight", "slots", "round trip", "lag", "clock", "address"];
  const rows = members.map((member) => {
    const { id, region, zone, state, weight, isSelf, linked, roundTripMs, clockOffsetMs, address } = member;
    const lag = lags.get(id);
    const gone = state === "dead" || state === "left";
    return [
      `${visible(id)}${isSelf ? " *" : ""}`,
      visible(region),
      visible(zone) || "-",
      !isSelf && !gone && !linked ? `${state}, no link` : state,
      String(weight),
      formatCount(counts.get(id) ?? 0),
      gone ? "-" : milliseconds(roundTripMs),
      lag === undefined ? "-" : milliseconds(lag.lagMs),
      clockOffsetMs === undefined || gone
        ? "-"
        : `${clockOffsetMs < 0 ? "-" : "+"}${formatDuration(Math.abs(clockOffsetMs))}`,
      visible(address),
    ];
  });
  return [head, ...rows];
}

/** Who holds how many slots, by region. */
export function renderRings(rings: readonly Ring[], style: ReportStyle): string[] {
  return rings.flatMap(({ region, copies, nodes }) => {
    const total = nodes.reduce((sum, { primarySlots }) => sum + primarySlots, 0);
    const share = (slots: number) => (total === 0 ? "-" : `${((slots / total) * 100).toFixed(1)}%`);
    const rows = nodes.map(({ id, slots, primarySlots }) => {
      return [visible(id), formatCount(primarySlots), share(primarySlots), formatCount(slots)];
    });
    const title = style.title(`Slots of ${visible(region)}: ${copies === 1 ? "one copy" : `${copies} copies`}`);
    return ["", title, ...table([["id", "primary", "share", "held"], ...rows], style)];
  });
}
