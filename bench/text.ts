/** Scripts and protocol descriptions are imported as text; the build and jest have their own means for that. */
import { readFileSync } from "node:fs";

for (const extension of [".sh", ".proto"]) {
  require.extensions[extension] = (module, path) => {
    module.exports = readFileSync(path, "utf8");
  };
}
