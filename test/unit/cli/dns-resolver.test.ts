/** DNS: which records are asked for, what is an answer, and what is a failure. */
import { describe, expect, test } from "bun:test";
import { createResolver, type DnsQueries, machineNames } from "../../../adapters/cli/dns-resolver.ts";

function failure(code: string): Error {
  return Object.assign(new Error(`query ${code}`), { code });
}

const nothing = () => Promise.reject(failure("ENODATA"));

function queries(given: Partial<DnsQueries>): DnsQueries {
  return { resolve4: nothing, resolve6: nothing, resolveTxt: nothing, lookup: nothing, ...given };
}

describe("the machines of an application", () => {
  const cases = [
    { input: "", expected: [] },
    { input: "3d8d9014b32d68 fra", expected: ["3d8d9014b32d68.vm.app.internal"] },
    { input: "a1 fra,b2 iad", expected: ["a1.vm.app.internal", "b2.vm.app.internal"] },
    { input: "a1 fra, b2", expected: ["a1.vm.app.internal", "b2.vm.app.internal"] },
    { input: "A1 fra,../etc fra,b2 iad x,,c3 ord", expected: ["c3.vm.app.internal"] },
  ];
  test.each(cases)("$input", ({ input, expected }) => expect(machineNames(input, "app.internal")).toEqual(expected));
});

describe("a name", () => {
  const both = queries({ resolve4: async () => ["10.0.0.1"], resolve6: async () => ["fdaa::3", "fdaa::4"] });
  const cases: readonly { name: string; asked?: string; dns: DnsQueries; expected: readonly string[] }[] = [
    { name: "has A and AAAA records", dns: both, expected: ["10.0.0.1", "fdaa::3", "fdaa::4"] },
    {
      name: "has one kind, and the other fails",
      dns: queries({ resolve4: () => Promise.reject(failure("ESERVFAIL")), resolve6: async () => ["fdaa::3"] }),
      expected: ["fdaa::3"],
    },
    {
      name: "is in the hosts file",
      dns: queries({ lookup: async () => [{ address: "127.0.0.1" }, { address: "127.0.0.1" }, { address: "::1" }] }),
      expected: ["127.0.0.1", "::1"],
    },
    { name: "does not exist", dns: queries({ lookup: () => Promise.reject(failure("ENOTFOUND")) }), expected: [] },
    {
      name: "is a list of machines, in pieces",
      asked: "vms.app.internal",
      dns: queries({ resolveTxt: async () => [["a1 fra,b", "2 iad"]] }),
      expected: ["a1.vm.app.internal", "b2.vm.app.internal"],
    },
    { name: "is a list without machines", asked: "vms.app.internal", dns: both, expected: [] },
    {
      name: "only looks like a list",
      asked: "vms.example.com",
      dns: both,
      expected: ["10.0.0.1", "fdaa::3", "fdaa::4"],
    },
  ];
  test.each(cases)("$name", async ({ asked = "app.internal", dns, expected }) => {
    expect(await createResolver(dns).resolve(asked)).toEqual(expected);
  });

  const failing: readonly { name: string; asked?: string; dns: DnsQueries }[] = [
    { name: "of addresses", dns: queries({ resolve6: () => Promise.reject(failure("ETIMEOUT")) }) },
    { name: "of the system", dns: queries({ lookup: () => Promise.reject(failure("EAI_AGAIN")) }) },
    {
      name: "of machines",
      asked: "vms.app.internal",
      dns: queries({ resolveTxt: () => Promise.reject(failure("ESERVFAIL")) }),
    },
  ];
  test.each(failing)("a failure $name is one", async ({ asked = "app.internal", dns }) => {
    const result = await createResolver(dns)
      .resolve(asked)
      .catch((error: Error) => error.message);
    expect(result).toMatch(/^query /);
  });
});

test("localhost is known to the system", async () => {
  const found = await createResolver().resolve("localhost");
  expect(found.length).toBeGreaterThan(0);
  for (const one of found) expect(["127.0.0.1", "::1"]).toContain(one);
});
