/** Where operations are carried out: tables of rings, links and slots that move. */
import { describe, expect, test } from "bun:test";
import { Placement, type PlacementView } from "../../../src/node/placement.ts";

const SLOT = 5;

interface Situation {
  /** Owners in the own region, and in the others; the node that is asked is "me". */
  readonly owners?: readonly string[];
  readonly others?: readonly string[];
  readonly cut?: readonly string[];
  readonly hidden?: boolean;
  readonly source?: string;
  readonly retained?: boolean;
  readonly sendingTo?: string;
}

function placementOf(situation: Situation): Placement {
  const { owners = [], others = [], cut = [], hidden = false, source, retained = false, sendingTo } = situation;
  const isOwner = owners.includes("me");
  const view: PlacementView = {
    config: { id: "me" },
    peers: { isLinked: (peer: string) => !cut.includes(peer) },
    rings: {
      own: { owners: () => owners },
      owners: (_: number, global: boolean) => [...owners, ...(global ? others : [])],
    },
    slots: {
      isOwner: () => isOwner,
      isVisible: () => isOwner && !hidden,
      isReadable: () => (isOwner && !hidden) || retained,
      sourceOf: () => source,
      isSending: (_: number, peer: string) => peer === sendingTo,
      aloneSince: () => 0,
    },
  };
  return new Placement(view);
}

describe("placement", () => {
  const cases: {
    name: string;
    situation: Situation;
    serves: boolean;
    readers: string[];
    writer: string | undefined;
    atomic: [peer: string, joiner: string] | undefined;
  }[] = [
    {
      name: "the primary",
      situation: { owners: ["me", "b"] },
      serves: true,
      readers: ["b"],
      writer: "me",
      atomic: ["me", ""],
    },
    {
      name: "a replica",
      situation: { owners: ["b", "me"] },
      serves: true,
      readers: ["b"],
      writer: "b",
      atomic: ["b", ""],
    },
    {
      name: "no owner",
      situation: { owners: ["b", "c"] },
      serves: false,
      readers: ["b", "c"],
      writer: "b",
      atomic: ["b", ""],
    },
    {
      name: "no owner, and no link to the primary",
      situation: { owners: ["b", "c"], cut: ["b"] },
      serves: false,
      readers: ["c"],
      writer: "c",
      atomic: undefined,
    },
    {
      name: "a replica without a link to the primary",
      situation: { owners: ["b", "me"], cut: ["b"] },
      serves: true,
      readers: [],
      writer: "me",
      atomic: undefined,
    },
    {
      name: "a primary whose slot is on its way",
      situation: { owners: ["me", "b"], hidden: true, source: "c" },
      serves: false,
      readers: ["c", "b"],
      writer: "me",
      atomic: ["c", "me"],
    },
    {
      name: "the same, without a link to the source",
      situation: { owners: ["me", "b"], hidden: true, source: "c", cut: ["c"] },
      serves: false,
      readers: ["b"],
      writer: "me",
      atomic: undefined,
    },
    {
      name: "a primary whose slot is hidden, with nobody to get it from yet",
      situation: { owners: ["me", "b"], hidden: true },
      serves: false,
      readers: ["b"],
      writer: "me",
      atomic: undefined,
    },
    {
      name: "who was an owner until now",
      situation: { owners: ["b"], retained: true },
      serves: true,
      readers: ["b"],
      writer: "b",
      atomic: ["b", ""],
    },
    {
      name: "a region without owners",
      situation: { others: ["x", "y"] },
      serves: false,
      readers: ["x", "y"],
      writer: "x",
      atomic: ["x", ""],
    },
    { name: "nobody anywhere", situation: {}, serves: false, readers: [], writer: undefined, atomic: undefined },
  ];
  for (const { name, situation, serves, readers, writer, atomic } of cases) {
    test(name, () => {
      const placement = placementOf(situation);
      const place = placement.atomic(SLOT);
      expect(placement.servesReads(SLOT)).toBe(serves);
      expect(placement.readers(SLOT)).toEqual(readers);
      expect(placement.writer(SLOT)).toBe(writer as never);
      expect(place && [place.peer, place.joiner]).toEqual(atomic as never);
    });
  }

  const here: { name: string; situation: Situation; joiner: string; expected: boolean }[] = [
    { name: "at the primary", situation: { owners: ["me"] }, joiner: "", expected: true },
    {
      name: "at the primary, for a joiner by an older ring",
      situation: { owners: ["me"] },
      joiner: "b",
      expected: true,
    },
    { name: "not at a replica", situation: { owners: ["b", "me"] }, joiner: "", expected: false },
    { name: "not where the slot is hidden", situation: { owners: ["me"], hidden: true }, joiner: "", expected: false },
    {
      name: "at the source, for whom it sends to",
      situation: { owners: ["b"], retained: true, sendingTo: "b" },
      joiner: "b",
      expected: true,
    },
    {
      name: "not at the source for nobody",
      situation: { owners: ["b"], retained: true, sendingTo: "b" },
      joiner: "",
      expected: false,
    },
    {
      name: "not at the source for somebody else",
      situation: { owners: ["b"], retained: true, sendingTo: "b" },
      joiner: "c",
      expected: false,
    },
    {
      name: "not where it was sent from until now",
      situation: { owners: ["b"], retained: true },
      joiner: "b",
      expected: false,
    },
  ];
  for (const { name, situation, joiner, expected } of here) {
    test(`an atomic operation is carried out: ${name}`, () => {
      expect(placementOf(situation).isAtomicHere(SLOT, joiner)).toBe(expected);
    });
  }
});
