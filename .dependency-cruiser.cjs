/** The import directions of the architecture; `npm run lint` holds them. */
const only = (from, ...allowed) => ({
  name: `${from}-knows-only-${allowed.join("-") || "itself"}`,
  severity: "error",
  from: { path: `^lib/${from}/` },
  to: { path: "^lib/", pathNot: `^lib/(${[from, ...allowed].join("|")})/|^lib/text\\.d\\.ts$` },
});
module.exports = {
  forbidden: [
    { name: "no-circles", severity: "error", from: {}, to: { circular: true } },
    only("model"),
    only("schema"),
    only("plugin"),
    only("placement"),
    only("constructs", "schema", "placement"),
    only("host", "model"),
    only("engine", "model"),
    only("hypervisors", "host", "model"),
    only("provider", "plugin", "schema", "host", "engine", "hypervisors", "model"),
    only("embedded", "model"),
    only("review", "model", "schema"),
    only("map", "model", "review"),
    only("cli", "schema", "host", "engine", "hypervisors", "map", "model", "embedded", "review", "placement"),
    {
      name: "index-is-constructs",
      severity: "error",
      from: { path: "^lib/index\\.ts$" },
      to: { path: "^lib/", pathNot: "^lib/constructs/" },
    },
  ],
  options: {
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
  },
};
