// An actor in a thread: counts what it is told, and answers with the count.
export default (/** @type {import("caraway/actors").Self} */ self) => {
  let count = 0;
  self.receive((message, reply) => {
    count++;
    if (/** @type {{ type: string }} */ (message).type === "count") reply(count);
  });
};
