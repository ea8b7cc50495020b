// Shell commands as apps: files go in, files come out, and the next command waits for them. Run it: npx caraway run examples/bash-files.mjs
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bashApp, file, sh, withKernel } from "caraway";

const directory = await mkdtemp(join(tmpdir(), "caraway-bash-files-"));
await writeFile(join(directory, "words.txt"), "caraway\ndill\ncumin\nanise\ncaraway\n");

const sort = bashApp(
  function sort(input, { outputs }) {
    return sh`sort ${input} > ${outputs.sorted}`;
  },
  { outputs: (input) => ({ sorted: file(join(directory, `${input.stem}.sorted.txt`)) }) },
);

const countDifferent = bashApp(
  function countDifferent(input) {
    return sh`uniq ${input} | wc -l`;
  },
  { returns: "stdout" },
);

try {
  await withKernel({ runDir: join(directory, "runinfo") }, async () => {
    const sorted = sort(file(join(directory, "words.txt")));
    const different = countDifferent(sorted.outputs.sorted); // waits for the file
    console.log("different words:", Number(await different));

    const { path } = await sorted.outputs.sorted;
    console.log("sorted:", (await readFile(path, "utf8")).trim().split("\n").join(", "));
  });
} finally {
  await rm(directory, { recursive: true, force: true });
}
