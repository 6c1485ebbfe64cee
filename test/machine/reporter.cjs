/** Says each case as it ends: a run takes minutes. To stderr, where Jest talks. */
module.exports = class {
  onTestCaseResult(_test, { title, status, duration }) {
    console.error(
      `${status === "passed" ? "ok" : status}: ${title} (${Math.round((duration ?? 0) / 1000)} s)`,
    );
  }
};
