/**
 * S3-FIFO (Yang, Zhang, Qiu, Yue, Rashmi: "FIFO queues are all you need for cache eviction", SOSP 2023): a small FIFO
 * queue of a tenth of the capacity for new keys, a main one with reinsertion, and a ghost queue of keys that left the
 * small one unused. Keys used more than once in the small queue, and keys found in the ghost queue, go to the main one.
 */
import { type CreateComparator, KeyList } from "./comparator.ts";

const SMALL_SHARE = 0.1;
const MAX_COUNT = 3;

export const createS3Fifo: CreateComparator = (capacity, keyCount) => {
  const small = new KeyList(keyCount);
  const main = new KeyList(keyCount);
  const ghost = new KeyList(keyCount);
  const count = new Uint8Array(keyCount);
  const smallLimit = Math.max(1, Math.floor(capacity * SMALL_SHARE));
  const ghostLimit = capacity - smallLimit;
  const evictMain = () => {
    for (;;) {
      const key = main.pop();
      if (count[key] === 0) return;
      count[key]!--; // every key has a count
      main.push(key);
    }
  };
  /** Returns true if a key left the cache, and not only the small queue. */
  const evictSmall = () => {
    const key = small.pop();
    if ((count[key] as number) > 1) {
      count[key] = 0;
      main.push(key);
      return false;
    }
    if (ghost.length >= ghostLimit) ghost.pop();
    ghost.push(key);
    return true;
  };
  const evict = () => {
    for (;;) {
      if (main.length === 0 || small.length >= smallLimit) {
        if (evictSmall()) return;
      } else {
        evictMain();
        return;
      }
    }
  };
  return {
    access(key) {
      if (small.has(key) || main.has(key)) {
        count[key] = Math.min(MAX_COUNT, (count[key] as number) + 1);
        return true;
      }
      while (small.length + main.length >= capacity) evict();
      count[key] = 0;
      if (ghost.has(key)) {
        ghost.remove(key);
        main.push(key);
      } else {
        small.push(key);
      }
      return false;
    },
  };
};
