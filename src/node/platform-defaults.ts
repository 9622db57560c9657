/**
 * What a platform says of where a node runs, as defaults of the configuration: below flags, environment and file. Pure.
 *
 * Fly.io sets, on each machine: `FLY_REGION`, `FLY_MACHINE_ID`, `FLY_PRIVATE_IP` (the address in the organisation's private
 * network, which may change at a restart) and `FLY_APP_NAME`, under which the private DNS has the addresses of all started
 * machines of the application.
 *
 * @see https://fly.io/docs/machines/runtime-environment/
 * @see https://fly.io/docs/networking/private-networking/
 */
import type { NodeConfig } from "./config.ts";

export interface PlatformDefault {
  readonly field: keyof NodeConfig;
  readonly value: unknown;
  /** The variable that it comes from. */
  readonly variable: string;
}

/** Fields that mean something to a node that is alone. */
const ALONE: readonly (keyof NodeConfig)[] = ["region"];

/**
 * The defaults that an environment gives.
 *
 * @param isMember false leaves out what only members of a cluster need
 */
export function platformDefaults(
  environment: Readonly<Record<string, string | undefined>>,
  isMember: boolean,
): readonly PlatformDefault[] {
  const found: PlatformDefault[] = [];
  const add = (variable: string, field: keyof NodeConfig, read: (text: string) => unknown = (text) => text) => {
    const text = environment[variable];
    if (text && (isMember || ALONE.includes(field))) found.push({ field, value: read(text), variable });
  };
  add("FLY_REGION", "region");
  add("FLY_MACHINE_ID", "nodeId");
  add("FLY_PRIVATE_IP", "advertise");
  add("FLY_APP_NAME", "discovery", () => "dns");
  add("FLY_APP_NAME", "discoveryNames", (app) => [`${app}.internal`]);
  return found;
}
