/** Unit and end-to-end tests; type checking is apart (`npm run lint`). */
module.exports = {
  testEnvironment: "node",
  testMatch: ["<rootDir>/test/**/*.test.ts"],
  testPathIgnorePatterns: ["/node_modules/", "<rootDir>/test/machine/"],
  transform: {
    "\\.ts$": ["@swc/jest", { jsc: { target: "es2022", parser: { syntax: "typescript" } } }],
    "\\.(sh|proto|css)$|\\.browser\\.js$": "<rootDir>/test/support/textTransform.js",
  },
  moduleFileExtensions: ["ts", "js", "json", "sh", "proto"],
  modulePathIgnorePatterns: ["<rootDir>/dist/", "cdktf.out"],
  testTimeout: 30_000,
  // All of a small machine; jest by itself leaves a core idle.
  maxWorkers: "100%",
};
