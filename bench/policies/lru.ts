/** LRU: evicts the key that was not used for the longest time. */
import { type CreateComparator, KeyList } from "./comparator.ts";

export const createLru: CreateComparator = (capacity, keyCount) => {
  const list = new KeyList(keyCount);
  return {
    access(key) {
      const hit = list.has(key);
      if (hit) list.remove(key);
      else if (list.length >= capacity) list.pop();
      list.push(key);
      return hit;
    },
  };
};
