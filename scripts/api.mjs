/**
 * `npm run reference`, second half: writes the API of the constructs from their docstrings to docs/api. The same sources
 * give the same bytes: no paths of this machine, no dates, no links into a commit.
 */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Application } from "typedoc";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
// Another folder is for the test that compares.
const out = process.argv[2] ?? join(root, "docs", "api");

const application = await Application.bootstrapWithPlugins({
  entryPoints: [join(root, "lib", "index.ts")],
  tsconfig: join(root, "tsconfig.build.json"),
  plugin: ["typedoc-plugin-markdown"],
  name: "API",
  readme: "none",
  outputs: [{ name: "markdown", path: out }],
  // One page: what a stack imports is not much.
  outputFileStrategy: "modules",
  entryFileName: "README.md",
  router: "module",
  disableSources: true,
  disableGit: true,
  excludeExternals: true,
  excludeInternal: true,
  excludePrivate: true,
  excludeProtected: true,
  hideGenerator: true,
  hideBreadcrumbs: true,
  hidePageHeader: true,
  parametersFormat: "table",
  interfacePropertiesFormat: "table",
  propertiesFormat: "table",
  typeDeclarationFormat: "table",
  // The linter checks types already.
  skipErrorChecking: true,
  logLevel: "Warn",
});
const project = await application.convert();
if (!project) throw new Error("The API could not be read.");
await application.generateOutputs(project);
if (application.logger.hasErrors()) process.exit(1);
