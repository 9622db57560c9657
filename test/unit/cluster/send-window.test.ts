import { describe, expect, test } from "bun:test";
import { SendWindow } from "../../../src/cluster/send-window.ts";

describe("send window", () => {
  test("counts what is under way, and frees it as it is acknowledged", () => {
    const window = new SendWindow(1_000);
    for (let i = 1; i <= 10; i++) window.sent(i, 100, i);
    expect([window.bytes, window.isFull, window.room]).toEqual([1_000, true, 0]);
    window.acknowledged(4, 20);
    expect([window.bytes, window.isFull]).toEqual([600, false]);
    window.acknowledged(10, 30);
    expect(window.bytes).toBe(0);
  });

  test("small messages share a mark, and are freed when all of it has come", () => {
    const window = new SendWindow(64_000);
    for (let i = 1; i <= 100; i++) window.sent(i, 10, 0);
    window.acknowledged(99, 1);
    expect(window.bytes).toBe(1_000);
    window.acknowledged(100, 1);
    expect(window.bytes).toBe(0);
  });

  test("the time that is waited follows the round trip, doubles when it runs out, and ends with progress", () => {
    const window = new SendWindow(1_000);
    expect(window.timeoutMs).toBe(1_000);
    let now = 0;
    for (let i = 1; i <= 50; i++) {
      window.sent(i, 100, now);
      now += 100;
      window.acknowledged(i, now);
    }
    expect(window.roundTripMs).toBeCloseTo(100);
    expect(window.timeoutMs).toBe(200);
    window.sent(51, 100, now);
    expect(window.isOverdue(now + 200, 0)).toBe(false);
    expect(window.isOverdue(now + 201, 0)).toBe(true);
    expect(window.isOverdue(now + 201, 50)).toBe(false);
    window.clear(now + 201);
    window.timedOut();
    window.sent(51, 100, now + 201);
    expect(window.timeoutMs).toBe(400);
    for (let i = 0; i < 20; i++) window.timedOut();
    expect(window.timeoutMs).toBe(5_000);
    // Which of the two was acknowledged cannot be known.
    window.acknowledged(51, now + 9_000);
    expect(window.roundTripMs).toBeCloseTo(100);
    expect(window.timeoutMs).toBe(200);
  });
});
