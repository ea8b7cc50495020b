/** A set of things of which any can be had at once: adding, taking out and picking cost the same however many there are. */
export class Bag<T> {
  private readonly items: T[] = [];
  private readonly places = new Map<T, number>();

  get size(): number {
    return this.items.length;
  }

  add(item: T): void {
    if (this.places.has(item)) return;
    this.places.set(item, this.items.length);
    this.items.push(item);
  }

  delete(item: T): void {
    const place = this.places.get(item);
    if (place === undefined) return;
    this.places.delete(item);
    const last = this.items.pop() as T;
    if (last === item) return;
    this.items[place] = last;
    this.places.set(last, place);
  }

  /** Whether it is there is as the second argument says. */
  keep(item: T, there: boolean): void {
    if (there) this.add(item);
    else this.delete(item);
  }

  /** `at` from 0 to below 1. */
  pick(at: number): T | undefined {
    return this.items[Math.floor(at * this.items.length)];
  }

  values(): readonly T[] {
    return this.items;
  }
}
