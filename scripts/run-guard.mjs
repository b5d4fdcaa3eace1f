// Loaded before a script that run.mjs runs: ends it, as a SIGTERM would, when run.mjs is gone.
const parent = Number(process.env.LOTOK_RUN_PARENT);
delete process.env.LOTOK_RUN_PARENT; // what the script starts has another parent

const everyMs = 500;
const graceMs = 30_000;
if (parent === process.ppid) {
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    process.kill(process.pid, 'SIGTERM');
    setTimeout(() => process.exit(1), graceMs).unref();
  }, everyMs);
  watch.unref();
}
