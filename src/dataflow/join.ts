import type { Dispatcher } from "../actors/dispatcher.js";
import { InvalidJoin } from "../errors/index.js";
import { encode } from "../serialization/index.js";
import { AppFuture, DataFuture } from "./future.js";
import { Foreign, fill, gatherFutures, isJoinable } from "./arguments.js";
import { joinError } from "./failure-path.js";
import type { TaskRecord } from "./task-record.js";

/** Waits for every future in what the body of a join app returned. */
export function watchJoin(record: TaskRecord, dispatcher: Dispatcher): void {
  const returned = record.context.value;
  const name = record.app.name;
  const where = { task: record.taskId, app: name };
  const fail = (error: unknown) => dispatcher.tell(record, { type: "join.failed", error });
  if (record.extra?.resolved === true) {
    try {
      dispatcher.tell(record, { type: "join.resolved", value: encode(returned, `the result of ${name}`) });
    } catch (error) {
      fail(error);
    }
    return;
  }
  if (!isJoinable(returned)) {
    fail(new InvalidJoin("CW-TASK-005", `the body of ${name} returned ${returned === null ? "null" : typeof returned}, which is no future and no array or record of futures`, { where }));
    return;
  }
  const inner = gatherFutures(returned);
  const values = new Map<unknown, unknown>();
  let open = inner.length;
  const resolve = () => {
    try {
      dispatcher.tell(record, { type: "join.resolved", value: encode(fill(substitute(returned, values)), `the result of ${name}`) });
    } catch (error) {
      fail(error);
    }
  };
  if (open === 0) resolve();
  for (const future of inner) {
    future.then(
      (value) => {
        values.set(future, value);
        if (--open === 0) resolve();
      },
      (error: unknown) => {
        fail(joinError(record, future, error));
      },
    );
  }
}

/** Foreign promises have no value to look up: they are replaced by holders of it. */
function substitute(value: unknown, values: ReadonlyMap<unknown, unknown>): unknown {
  if (value === null || typeof value !== "object" || value instanceof AppFuture || value instanceof DataFuture) return value;
  if (values.has(value)) {
    const holder = new Foreign(value as PromiseLike<unknown>);
    holder.value = values.get(value);
    return holder;
  }
  if (Array.isArray(value)) return value.map((member) => substitute(member, values));
  if (value instanceof Map) return new Map([...value].map(([key, member]) => [key, substitute(member, values)]));
  if (value instanceof Set) return new Set([...value].map((member) => substitute(member, values)));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, substitute(member, values)]));
}
