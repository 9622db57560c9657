/**
 * SIEVE (Zhang, Yang, Yue, Vigfusson, Rashmi: "SIEVE is Simpler than LRU", NSDI 2024): a FIFO queue with one "visited"
 * bit for each key. A hand moves from the tail to the head, clears the bits it passes and evicts the first key whose
 * bit was clear; survivors stay where they are.
 */
import { type CreateComparator, KeyList } from "./comparator.ts";

export const createSieve: CreateComparator = (capacity, keyCount) => {
  const list = new KeyList(keyCount);
  const visited = new Uint8Array(keyCount);
  let hand = -1;
  const evict = () => {
    if (hand === -1) hand = list.tail;
    while (visited[hand] === 1) {
      visited[hand] = 0;
      hand = list.before(hand);
      if (hand === -1) hand = list.tail;
    }
    const key = hand;
    hand = list.before(key);
    list.remove(key);
  };
  return {
    access(key) {
      if (list.has(key)) {
        visited[key] = 1;
        return true;
      }
      if (list.length >= capacity) evict();
      visited[key] = 0;
      list.push(key);
      return false;
    },
  };
};
