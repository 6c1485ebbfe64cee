/** Makes the plans that the golden files are reviews of: the real Terraform, the real provider, embedded hosts. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Rig } from "../support/rig";
import { cases } from "./cases";
import { trimmed } from "./trimmed";

test.each(Object.entries(cases))("%s", async (name, make) => {
  const rig = new Rig();
  try {
    const plan = await make(rig);
    writeFileSync(join(__dirname, "plans", `${name}.json`), trimmed(plan));
  } finally {
    await rig.close();
  }
});
