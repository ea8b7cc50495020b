const width = 32;

const pageOf = (key: number): number => Math.floor(key / width);

/** Members of one range of keys. */
interface Page<T> {
  size: number;
  readonly slots: (T | undefined)[];
}

/** Members by keys that grow, in the order of these. A table of pages: a third of what a `Map` holds of each. */
export class Roll<T> {
  private readonly pages = new Map<number, Page<T>>();

  get(key: number): T | undefined {
    return this.pages.get(pageOf(key))?.slots[key % width];
  }

  /** `key` is greater than all before it. */
  add(key: number, member: T): void {
    const number = pageOf(key);
    let page = this.pages.get(number);
    if (page === undefined) this.pages.set(number, (page = { size: 0, slots: new Array<T | undefined>(width).fill(undefined) }));
    page.slots[key % width] = member;
    page.size++;
  }

  remove(key: number): void {
    const page = this.pages.get(pageOf(key));
    const slot = key % width;
    if (page?.slots[slot] === undefined) return;
    page.slots[slot] = undefined;
    if (--page.size === 0) this.pages.delete(pageOf(key));
  }

  clear(): void {
    this.pages.clear();
  }

  *[Symbol.iterator](): Generator<T> {
    for (const { slots } of this.pages.values()) for (const member of slots) if (member !== undefined) yield member;
  }
}
