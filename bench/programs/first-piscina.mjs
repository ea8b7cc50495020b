import { Piscina } from "piscina";

const pool = new Piscina({ filename: new URL("../workers/operations.mjs", import.meta.url).href, maxThreads: 2 });
console.log(await pool.run(49));
await pool.destroy();
