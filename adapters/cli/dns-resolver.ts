/**
 * A `Resolver` on the system's DNS.
 *
 * A name's A and AAAA records are asked for; where there are none, the system's own way of finding hosts is tried, which also
 * knows the hosts file and search domains. `vms.<app>.internal` has no addresses but a TXT record of Fly.io's private DNS: a list
 * of machine and region (`3d8d9014b32d68 fra,...`). Each machine has a name of its own then, which stays when its address changes.
 *
 * @see https://fly.io/docs/networking/private-networking/
 */
import { lookup, resolve4, resolve6, resolveTxt } from "node:dns/promises";
import type { Resolver } from "../../src/node/discovery.ts";

/** Codes that mean that there is no such name, or none with such records. */
const NOTHING = new Set(["ENOTFOUND", "ENODATA", "NOTFOUND", "NODATA", "EAI_NONAME", "EAI_NODATA"]);
const MACHINES = /^(?:all\.)?vms\.([a-z0-9-]+\.internal)\.?$/;
const MACHINE = /^([0-9a-z]{1,32})(?: ([a-z0-9]{1,16}))?$/;

/** What is asked of a DNS server; those of `node:dns` unless a test says otherwise. */
export interface DnsQueries {
  resolve4(name: string): Promise<string[]>;
  resolve6(name: string): Promise<string[]>;
  resolveTxt(name: string): Promise<string[][]>;
  lookup(name: string): Promise<readonly { readonly address: string }[]>;
}

const SYSTEM: DnsQueries = { resolve4, resolve6, resolveTxt, lookup: (name) => lookup(name, { all: true }) };

/**
 * The names of an application's machines.
 *
 * @param text of the TXT record: machines with their regions, separated by commas; what is neither is left out
 * @param domain "<app>.internal"
 */
export function machineNames(text: string, domain: string): string[] {
  return text.split(",").flatMap((one) => {
    const machine = MACHINE.exec(one.trim())?.[1];
    return machine === undefined ? [] : [`${machine}.vm.${domain}`];
  });
}

/** Answers of one kind, or why there are none. */
async function ask<T>(query: Promise<readonly T[]>): Promise<{ readonly found: readonly T[]; readonly error?: Error }> {
  try {
    return { found: await query };
  } catch (error) {
    if (NOTHING.has((error as { code?: string }).code ?? "")) return { found: [] };
    return { found: [], error: error as Error };
  }
}

/** The resolver. */
export function createResolver(dns: DnsQueries = SYSTEM): Resolver {
  return {
    async resolve(name) {
      const domain = MACHINES.exec(name)?.[1];
      if (domain !== undefined) {
        const { found, error } = await ask(dns.resolveTxt(name));
        if (error !== undefined) throw error;
        // A text longer than 255 bytes comes in pieces.
        return machineNames(found.map((pieces) => pieces.join("")).join(","), domain);
      }
      const both = await Promise.all([ask(dns.resolve4(name)), ask(dns.resolve6(name))]);
      const addresses = both.flatMap(({ found }) => found);
      if (addresses.length > 0) return addresses;
      const hosts = await ask(dns.lookup(name));
      if (hosts.found.length > 0) return [...new Set(hosts.found.map(({ address }) => address))];
      const failed = [...both, hosts].find(({ error }) => error !== undefined)?.error;
      if (failed !== undefined) throw failed;
      return [];
    },
  };
}
