/** Which nodes and lives may be judged at the end: those whose clocks were within the bound that the protocol demands. */
import { defaultClusterConfig } from "../../../src/cluster/cluster-config.ts";
import type { SimulatedNode, World } from "../world.ts";

/** A clock further off than this may be further off another one than the bound. */
export const SOUND_MS = (defaultClusterConfig().maxClockSkewMs - 20) / 2;

/** True if the node's clock was right all the time, within the bound. */
export function isSound({ clock }: SimulatedNode): boolean {
  void clock.errorMs;
  return clock.mostMs < SOUND_MS && clock.leastMs > -SOUND_MS;
}

/** The origins of all lives of sound nodes. */
export function soundOrigins(world: World): Set<number> {
  return new Set(world.nodes.filter(isSound).flatMap(({ lives }) => lives.map(({ origin }) => origin)));
}

/** Nodes that are up at the end, and sound. */
export function judged(world: World): SimulatedNode[] {
  return world.up.filter(isSound);
}

/** How much later than a set an invalidation must have been asked for, so that its stamp is surely higher, ms. */
export function stampMarginMs(world: World): number {
  return Math.min(world.clockSpreadMs, defaultClusterConfig().maxClockSkewMs) + 1;
}
