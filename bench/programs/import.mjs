// Prints the milliseconds that importing the package named on the command line takes.
const start = performance.now();
await import(process.argv[2] ?? "");
console.log(performance.now() - start);
