import { availableParallelism, totalmem } from "node:os";
import { describe, expect, it } from "vitest";
import { checkConfig, describeProblem } from "#internal/config/check";
import { highThroughput, local, mpi, nats, pbs, simple, single, slurm, srun, threadPool, wrapped } from "#internal/config/descriptors";

const lines = async (config: unknown): Promise<string[]> => (await checkConfig(config)).map(describeProblem);

describe("checkConfig", () => {
  it("finds nothing wrong with every option at a good value", async () => {
    const config = {
      executors: [threadPool({ label: "a", maxThreads: 2, minThreads: 0, isolation: "process", resourceLimits: { maxOldGenerationSizeMb: 64 }, env: { A: "b" }, killGrace: 500, heartbeatThreshold: "1m" }), threadPool({ label: "b" })],
      retries: { app: 2.5, lost: 0, backoff: { min: "1s", max: "1m", factor: 3, jitter: 0.5 }, cost: () => 1 },
      cache: false, runDir: "runs", strategy: "none", strategyPeriod: 100, maxIdleTime: "1m", exitMode: "cancel", dependencyResolver: "shallow",
      maxPending: 10, retain: 0, progress: true, logger: console, projectName: "demo", profiles: { quick: { retries: 3 } },
    };
    expect(await lines(config)).toEqual([]);
  });

  it("finds nothing wrong with every option of blocks at a good value", async () => {
    const blocks = { nodesPerBlock: 2, initBlocks: 1, minBlocks: 1, maxBlocks: 4, parallelism: 0.5, walltime: "30m", workerInit: "module load node\nexport A=b", env: { PATH_EXTRA: "x y" }, statusInterval: "1s" };
    const config = {
      executors: [
        highThroughput({
          label: "a", maxWorkersPerNode: 4, coresPerWorker: 0.5, memPerWorker: "1GiB", cpuAffinity: "list:0,1:2-3", availableAccelerators: ["gpu0"], prefetchCapacity: 2, heartbeatPeriod: "1s", heartbeatThreshold: "5s", drainPeriod: "10m",
          managerSelector: "pack-by-block", isolation: "process", resourceLimits: { stackSizeMb: 8 }, env: { A: "b" }, killGrace: 100, lostGrace: "1m", address: ["head", "10.0.0.1"], portRange: [54_000, 54_000], blockErrorHandler: false, registrationTimeout: "1m",
          provider: slurm({ ...blocks, partition: "debug", account: "me", qos: "low", constraint: "a&b", schedulerOptions: "#SBATCH --mail-type=END\n  --comment='two words'", coresPerNode: 8, memPerNode: "4GB", exclusive: false, commandTimeout: "5s", launcher: srun({ options: ["--cpu-bind=none"] }) }),
        }),
        highThroughput({ label: "b", workerPort: 54_321, address: "head", provider: local({ ...blocks, killGrace: "1s", launcher: wrapped({ prefix: ["nice", "-n", "5"] }) }) }),
        highThroughput({ label: "e", link: nats({ servers: ["n1", "nats://n2:4222", "tls://[::1]:4222"], credentials: { credsFile: "run.creds" }, tls: { ca: "ca.pem", cert: "c.pem", key: "k.pem" }, prefix: "team.runs", patience: "1m", jetstream: { replicas: 3, storage: "memory", maxAge: "1m", maxBytes: "1GiB" } }) }),
        highThroughput({ label: "f", link: nats({ servers: "tls://n1", credentials: { user: "me", password: "sesame" }, tls: true }) }),
        highThroughput({ label: "c", provider: local({ nodesPerBlock: 2, launcher: simple() }) }),
        highThroughput({ label: "d", provider: slurm({ launcher: single() }) }),
        { kind: "high-throughput" },
      ],
    };
    expect(await lines(config)).toEqual([]);
    expect(await lines(JSON.parse(JSON.stringify(config)))).toEqual([]);
  });

  it.each([
    [{ max_workers_per_node: 2 }, "executors[0].max_workers_per_node is not an option of highThroughput; did you mean maxWorkersPerNode?"],
    [{ coresPerWorker: 0 }, "executors[0].coresPerWorker must be a number above 0, but is 0"],
    [{ memPerWorker: "2G" }, 'executors[0].memPerWorker is not a size: "2G" (write "2GiB" or "2GB")'],
    [{ cpuAffinity: "blok" }, 'executors[0].cpuAffinity must be "none", "block", "block-reverse", "alternating" or "list:0,1:2,3", but is the text "blok"; did you mean "block"?'],
    [{ cpuAffinity: "block" }, 'executors[0].cpuAffinity is "block", which binds processes; set isolation: "process" beside it'],
    [{ availableAccelerators: 1 }, 'executors[0].availableAccelerators is told to workers by environment variables, which native libraries do not see in a thread; set isolation: "process" beside it'],
    [{ heartbeatPeriod: "30s" }, "executors[0].heartbeatPeriod is 30s, not shorter than heartbeatThreshold, which is 30s: every manager would count as lost"],
    [{ heartbeatPeriod: 0 }, "executors[0].heartbeatPeriod is 0; a heartbeat needs some time between two beats"],
    [{ heartbeatPeriod: "4s", heartbeatThreshold: "5s" }, "executors[0].heartbeatPeriod is 4s, more than half of heartbeatThreshold, which is 5s: one late heartbeat loses a manager"],
    [{ managerSelector: "leastloaded" }, 'executors[0].managerSelector must be "random" or "least-loaded" or "pack-by-block", but is the text "leastloaded"; did you mean "least-loaded"?'],
    [{ env: { "A B": "c" } }, 'executors[0].env["A B"] is no name of an environment variable'],
    [{ address: [] }, "executors[0].address must be a text that is not empty, or several, but is an empty array"],
    [{ workerPort: 65_536 }, "executors[0].workerPort must be a port, a whole number from 1 to 65535, but is 65536"],
    [{ portRange: [2000, 1000] }, "executors[0].portRange begins with 2000, which is more than its end, 1000"],
    [{ workerPort: 5, portRange: [1, 2] }, "executors[0].portRange and workerPort are both given; give one of them"],
    [{ provider: "local" }, 'executors[0].provider must be a provider such as local(), but is the text "local"'],
    [{ provider: local }, "executors[0].provider is the function local itself: call it, as in local()"],
    [{ provider: srun() }, "executors[0].provider must be a provider, but srun() makes a launcher"],
    [{ provider: { kind: "slrum" } }, 'executors[0].provider has a kind that does not exist: the text "slrum"; did you mean "slurm"?'],
    [{ provider: { kind: "local", partition: "debug" } }, "executors[0].provider.partition is not an option of local"],
    [{ provider: local({ nodesPerBlock: 0 }) }, "executors[0].provider.nodesPerBlock must be a whole number from 1 up, but is 0"],
    [{ provider: local({ minBlocks: 2 }) }, "executors[0].provider.minBlocks is 2, more than initBlocks, which is 1"],
    [{ provider: local({ initBlocks: 2 }) }, "executors[0].provider.initBlocks is 2, more than maxBlocks, which is 1"],
    [{ provider: local({ parallelism: -1 }) }, "executors[0].provider.parallelism must be a number from 0 up, but is -1"],
    [{ provider: local({ walltime: 0 }) }, "executors[0].provider.walltime is 0; leave it out for no limit"],
    [{ provider: local({ walltime: "1h" }), drainPeriod: "1h" }, "executors[0].drainPeriod is 1h, not shorter than the walltime of a block, which is 1h"],
    [{ provider: local({ env: { A: "b\0c" } }) }, "executors[0].provider.env.A has a zero character"],
    [{ provider: local({ launcher: srun() }) }, "executors[0].provider.launcher is srun(), which needs a Slurm job; use simple() with local()"],
    [{ provider: slurm({ nodesPerBlock: 2, launcher: single() }) }, "executors[0].provider.launcher is single(), which starts one manager, but a block has 2 nodes; use srun()"],
    [{ provider: slurm({ nodesPerBlock: 2, launcher: simple() }) }, "executors[0].provider.launcher is simple(), which starts the managers of all 2 nodes on the first; srun() starts one on each"],
    [{ provider: local({ launcher: wrapped({ prefix: " " }) }) }, 'executors[0].provider.launcher.prefix must be a text that is not empty, or words, but is the text " "'],
    [{ provider: slurm({ partition: "debug\n#SBATCH --uid=0" }) }, "executors[0].provider.partition must be one line without control characters"],
    [{ provider: slurm({ schedulerOptions: "--mem=1\nrm -rf /" }) }, 'executors[0].provider.schedulerOptions has the text "rm -rf /", which is no option of sbatch: an option begins with - or --'],
    [{ provider: slurm({ schedulerOptions: ["--comment=a\nb"] }) }, 'executors[0].provider.schedulerOptions has control characters in the text "--comment=a\\nb"'],
    [{ link: {} }, "executors[0].link has no `kind`: make it by nats({ servers })"],
    [{ link: nats }, "executors[0].link is the function nats itself: call it, as in nats({ servers })"],
    [{ link: local() }, "executors[0].link must be a link, but local() makes a provider"],
    [{ link: { kind: "natz" } }, 'executors[0].link has a kind that does not exist: the text "natz"; did you mean "nats"?'],
    [{ link: nats({ servers: [] }) }, "executors[0].link.servers must be a server as host:port, or several, but is empty"],
    [{ link: nats({} as never) }, "executors[0].link.servers must be a server as host:port, or several, but is missing"],
    [{ link: nats({ servers: ["n1:4222", "http://n2"] }) }, 'executors[0].link.servers must be a server as host:port, or several, but is the text "http://n2"'],
    [{ link: nats({ servers: "n1:70000" }) }, 'executors[0].link.servers must be a server as host:port, or several, but is the text "n1:70000"'],
    [{ link: nats({ servers: "nats://me:sesame@n1" }) }, "executors[0].link.servers has a user or password in the address of a server, which is shown in messages: give them as `credentials`"],
    [{ link: nats({ servers: "n1", server: "n2" } as never) }, "executors[0].link.server is not an option of nats; did you mean servers?"],
    [{ link: nats({ servers: "n1", prefix: "a b" }) }, 'executors[0].link.prefix must be words of letters, digits, dashes and underscores with dots between, but is the text "a b"'],
    [{ link: nats({ servers: "n1", credentials: {} }) }, "executors[0].link.credentials is empty; give `user` with `password`, `token`, `credsFile` or `nkeyFile`, or leave it out"],
    [{ link: nats({ servers: "n1", credentials: { credsFile: "a", nkeyFile: "b" } }) }, "executors[0].link.credentials has credsFile and nkeyFile; give one of them"],
    [{ link: nats({ servers: "tls://n1", credentials: { user: "me" } }) }, "executors[0].link.credentials.user has no `password` beside it"],
    [{ link: nats({ servers: "tls://n1", credentials: { password: 7 as never, user: "me" } }) }, "executors[0].link.credentials.password must be a text that is not empty"],
    [{ link: nats({ servers: "n1", credentials: { token: "sesame" } }) }, "executors[0].link.credentials is sent as it is to servers that need not have TLS; set `tls: true` beside it, or use keys"],
    [{ link: nats({ servers: "n1", tls: { cert: "a.pem" } }) }, "executors[0].link.tls.cert has no `key` beside it"],
    [{ link: nats({ servers: "n1", jetstream: "yes" as never }) }, 'executors[0].link.jetstream must be true, false or an object, but is the text "yes"'],
    [{ link: nats({ servers: "n1", jetstream: { replicas: 6 } }) }, "executors[0].link.jetstream.replicas must be a whole number from 1 to 5, but is 6"],
    [{ link: nats({ servers: "n1", jetstream: { maxbytes: 1 } as never }) }, "executors[0].link.jetstream.maxbytes is not an option of jetstream; did you mean maxBytes?"],
    [{ link: nats({ servers: "n1" }), workerPort: 5000 }, "executors[0].workerPort has no effect beside `link`: managers connect to its servers"],
  ])("has a word on %j of a high-throughput executor", async (options, line) => {
    expect(await lines({ executors: [{ kind: "high-throughput", ...options }] })).toEqual([line]);
  });

  it("accepts the three forms of a back-off and the number form of retries", async () => {
    expect(await lines({ retries: 2 })).toEqual([]);
    expect(await lines({ retries: { backoff: "5s" } })).toEqual([]);
    expect(await lines({ retries: { backoff: (attempt: number) => attempt * 10 } })).toEqual([]);
  });

  it("reports all problems at once, in plain words", async () => {
    expect(await lines({ executors: [threadPool({ maxThreads: 0 })], cache: "yes", runDir: "", maxPending: 1.5, retries: -1 })).toEqual([
      "executors[0].maxThreads must be a whole number from 1 up, but is 0",
      "retries must be a whole number from 0 up, or { app, lost, backoff, cost }, but is -1",
      'cache must be true or false, but is the text "yes"',
      'runDir must be a text that is not empty, but is the text ""',
      "maxPending must be a whole number from 1 up, but is 1.5",
    ]);
  });

  it.each([
    [{ retrys: 1 }, "retrys is not an option of a configuration; did you mean retries?"],
    [{ max_idletime: "1s" }, "max_idletime is not an option of a configuration; did you mean maxIdleTime?"],
    [{ app_cache: true }, "app_cache is not an option of a configuration; did you mean cache?"],
    [{ executors: [{ kind: "thread-pool", maxTreads: 2 }] }, "executors[0].maxTreads is not an option of threadPool; did you mean maxThreads?"],
    [{ retries: { ap: 1 } }, "retries.ap is not an option of retries; did you mean app?"],
    [{ zebra: 1 }, "zebra is not an option of a configuration"],
    [{ profiles: { "on-site": { retires: 1 } } }, 'profiles["on-site"].retires is not an option of a configuration; did you mean retries?'],
  ])("suggests what an unknown key of %j probably means", async (config, line) => {
    expect(await lines(config)).toEqual([line]);
  });

  it.each([
    [{ exitMode: "wiat" }, 'exitMode must be "wait" or "cancel", but is the text "wiat"; did you mean "wait"?'],
    [{ strategy: "autoscale" }, 'strategy must be "none" or "simple" or "auto-scale", but is the text "autoscale"; did you mean "auto-scale"?'],
    [{ executors: [{ kind: "threadpool" }] }, 'executors[0] has a kind that does not exist: the text "threadpool"; did you mean "thread-pool"?'],
  ])("suggests the word that was probably meant in %j", async (config, line) => {
    expect(await lines(config)).toEqual([line]);
  });

  it.each([
    [null, "the configuration must be an object, but is null"],
    [[], "the configuration must be an object, but is an empty array"],
    [{ executors: [] }, "executors is empty: leave it out for a thread pool over this machine's cores, or give an executor"],
    [{ executors: threadPool() }, "executors must be an array of executors, but is an object"],
    [{ executors: ["threads"] }, 'executors[0] must be an executor such as threadPool(), but is the text "threads"'],
    [{ executors: [threadPool] }, "executors[0] is the function threadPool itself: call it, as in threadPool()"],
    [{ executors: [slurm()] }, "executors[0] must be an executor, but slurm() makes a provider, which belongs to an executor"],
    [{ executors: [threadPool(), threadPool()] }, 'executors[1].label is "threads", the label of executors[0] already; give each executor its own label'],
    [{ executors: [threadPool({ minThreads: 3, maxThreads: 2 })] }, "executors[0].minThreads is 3, more than maxThreads, which is 2"],
    [{ executors: [threadPool({ isolation: "process", heartbeatThreshold: 0 })] }, "executors[0].heartbeatThreshold is 0; a process needs some time to say that it is there"],
    [{ executors: [threadPool({ heartbeatThreshold: "1m" })] }, 'executors[0].heartbeatThreshold has no effect on threads, which stand still only where this process does; set isolation: "process" beside it'],
    [{ executors: [{ kind: "thread-pool", env: { A: 1 } }] }, "executors[0].env.A must be a text, but is 1"],
    [{ retries: { backoff: { min: "1s" } } }, 'retries.backoff.max must be a duration, a number of milliseconds or text such as "30s" or "1h30m", but is missing'],
    [{ retries: { backoff: { min: "2s", max: "1s" } } }, "retries.backoff.min is 2s, longer than max, which is 1s"],
    [{ retries: { app: 0.5 } }, "retries.app is 0.5; a part of a retry needs a cost function"],
    [{ strategyPeriod: "5" }, 'strategyPeriod is not a duration: "5" (it has no unit: write "5s", "5m" or "5ms")'],
    [{ logger: {} }, "logger must be a pino logger, but is an object"],
    [{ dependencyResolver: { gather() {} } }, "dependencyResolver must be an object with the functions gather and unwrap, but is an object"],
    [{ profiles: { "1st": {} } }, 'profiles["1st"] must be named by letters, digits, - and _'],
    [{ profiles: { a: { executors: [] } } }, "profiles.a.executors is empty: leave it out for a thread pool over this machine's cores, or give an executor"],
    [{ profiles: { a: { profiles: {} } } }, "profiles.a.profiles is not an option of a configuration"],
  ])("refuses %j", async (config, line) => {
    expect(await lines(config)).toEqual([line]);
  });

  it.each([
    [{ journal: { mode: "none" } }, "journal is not built yet"],
    [{ inspector: true }, "inspector is not built yet"],
    [{ exitMode: "detach" }, 'exitMode is "detach", which is not built yet'],
    [{ strategy: {} }, "strategy is an object of your own, which is not built yet"],
    [{ executors: [{ kind: "thread-pool", idleTimeout: "1s" }] }, "executors[0].idleTimeout is not built yet"],
    [{ executors: [mpi({ label: "cluster" })] }, "executors[0] uses mpi(), which is not built yet"],
    [{ executors: [highThroughput({ provider: pbs() as never })] }, "executors[0].provider uses pbs(), which is not built yet"],
    [{ executors: [{ kind: "thread-pool", cpuAffinity: "block" }] }, "executors[0].cpuAffinity is not built yet"],
  ])("says that %j is not built yet", async (config, line) => {
    const problems = await checkConfig(config);
    expect(problems.map(describeProblem)).toEqual([line]);
    expect(problems.map((problem) => problem.code)).toEqual(["CW-CONF-002"]);
  });

  it("takes a key that is undefined for one that is absent", async () => {
    expect(await lines({ journal: undefined, retries: undefined, executors: undefined })).toEqual([]);
  });

  it("only warns of what is unwise", async () => {
    const tooMany = Math.max(64, 16 * availableParallelism()) + 1;
    const tooMuch = Math.ceil(totalmem() / 2 ** 20) + 1;
    const problems = await checkConfig({ executors: [threadPool({ maxThreads: tooMany, resourceLimits: { maxOldGenerationSizeMb: tooMuch } })], retries: { cost: () => 1 } });
    expect(problems.map(({ path, severity }) => [path, severity])).toEqual([
      ["executors[0].maxThreads", "warning"],
      ["executors[0].resourceLimits.maxOldGenerationSizeMb", "warning"],
      ["retries.cost", "warning"],
    ]);
  });
});
