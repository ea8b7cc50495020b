export default () => { throw new Error("no start"); };
