// The first result of the contender named on the command line.
import { openContender } from "../contenders.mjs";

const pool = await openContender(process.argv[2] ?? "");
console.log(await pool.run("echo", 49));
await pool.close();
