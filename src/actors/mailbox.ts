/**
 * Messages that wait for one actor, in two lanes. Control messages (notices of ends) come first and are never refused; of the others
 * there are at most `capacity`, and one too many is refused: it is for the caller to say so, by a dead letter.
 */
export class Mailbox<T> {
  private control: T[] | undefined;
  private work: (T | undefined)[] = [];
  private first = 0;

  constructor(readonly capacity: number) {}

  get size(): number {
    return (this.control?.length ?? 0) + this.work.length - this.first;
  }

  /** False where the mailbox is full. */
  push(message: T): boolean {
    if (this.work.length - this.first >= this.capacity) return false;
    this.work.push(message);
    return true;
  }

  /** Messages that were taken out and not handled: they are the next again, also where there are too many now. */
  putBack(messages: readonly T[]): void {
    this.work = [...messages, ...this.work.slice(this.first)];
    this.first = 0;
  }

  pushControl(message: T): void {
    (this.control ??= []).push(message);
  }

  /** The next message; of the control lane alone where `onlyControl` is set. */
  shift(onlyControl = false): T | undefined {
    if (this.control !== undefined && this.control.length > 0) return this.control.shift();
    return onlyControl ? undefined : this.shiftWork();
  }

  /** The message that waits longest; notices stay. */
  shiftWork(): T | undefined {
    if (this.first === this.work.length) return undefined;
    const message = this.work[this.first];
    this.work[this.first++] = undefined;
    if (this.first === this.work.length || (this.first > 1024 && this.first * 2 > this.work.length)) {
      this.work = this.work.slice(this.first);
      this.first = 0;
    }
    return message;
  }

  /** Takes out all that wait, the control lane first. */
  drain(): T[] {
    const all = [...(this.control?.splice(0) ?? []), ...this.work.slice(this.first)] as T[];
    this.work = [];
    this.first = 0;
    return all;
  }
}
