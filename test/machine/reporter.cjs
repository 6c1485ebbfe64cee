/** Says each case as it ends: a run takes minutes. */
module.exports = class {
  onTestCaseResult(_test, { title, status, duration }) {
    console.log(`${status === "passed" ? "ok" : status}: ${title} (${Math.round((duration ?? 0) / 1000)} s)`);
  }
};
