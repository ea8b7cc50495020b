/** Counts words, on a node. */
export default (self) => {
  const seen = new Map();
  const orders = {
    count: ({ word }) => {
      seen.set(word, (seen.get(word) ?? 0) + 1);
      if (seen.get(word) === 2) self.emit(`${word} again`);
    },
    seen: ({ word }) => seen.get(word) ?? 0,
    where: () => ({ pid: process.pid }),
  };
  self.receive((message, reply) => reply(orders[message.type](message)));
};
