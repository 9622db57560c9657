import { expect, test } from "bun:test";
import { AssertionError, assert, unreachable } from "../../../src/core/assert.ts";

test("assert passes what holds and throws what does not", () => {
  assert(true, "never seen");
  expect(() => assert(false, "the message")).toThrow(new AssertionError("the message"));
});

test("unreachable throws whatever it is given", () => {
  expect(() => unreachable("odd" as never)).toThrow(new AssertionError("unreachable: odd"));
});
