import { violations, type Rules } from "../../lib/review/gate";
import schema from "../../lib/review/gate.schema.json";
import { review } from "../../lib/review/review";
import reviewSchema from "../../lib/review/review.schema.json";
import { parseRules } from "../../lib/review/rules";
import { riskKinds } from "../../lib/review/types";
import { recorded } from "./recorded";

const broken = (plan: string, rules: Omit<Rules, "version">) =>
  violations(review([recorded(plan)]), { version: 1, ...rules }).map(({ rule, subjects }) => [
    rule,
    ...subjects,
  ]);

describe("rules", () => {
  test.each<[string, string, Omit<Rules, "version">, string[][]]>([
    ["no rule is no limit", "twenty", {}, []],
    ["as many reboots as may be", "create", { maxReboots: 2 }, []],
    ["one too many", "create", { maxReboots: 1 }, [["maxReboots", "pve1", "pve2"]]],
    ["what may reboot counts", "offline", { maxReboots: 1 }, [["maxReboots", "pve1", "pve2"]]],
    ["one after the other", "twenty", { maxRebootsAtOnce: 1 }, []],
    ["at the same time", "create", { maxRebootsAtOnce: 0 }, [["maxRebootsAtOnce", "pve1"]]],
    ["guests", "create", { maxGuestsStopping: 1 }, [["maxGuestsStopping", "pve1/100", "pve2/200"]]],
    [
      "guests that may stop",
      "offline",
      { maxGuestsStopping: 1 },
      [["maxGuestsStopping", "pve1/100", "pve2/200"]],
    ],
    ["a guest that is restarted", "restart", { maxGuestsStopping: 0 }, [["maxGuestsStopping", "pve1/101"]]],
    [
      "devices, not their functions",
      "create",
      { maxDevicesChangingHands: 1 },
      [["maxDevicesChangingHands", "pve1/0000:01:00", "pve2/0000:03:00"]],
    ],
    [
      "drift",
      "drift-and-reboot",
      { maxDrift: 0 },
      [["maxDrift", "passthrough_vm.render-vm settings.hostpci0"]],
    ],
    [
      "a risk that comes",
      "risks",
      { forbid: ["acs-override"] },
      [["forbid", "pve1: pcie_acs_override=downstream,multifunction"]],
    ],
    ["each forbidden risk", "offline", { forbid: ["assumed", "iommu-off"] }, [["forbid", "pve1", "pve2"]]],
    ["a risk that stands already", "reboot", { forbid: ["siblings"] }, []],
    ["a host that reboots", "reboot", { protectedHosts: ["pve2", "pve9"] }, [["protectedHosts", "pve2"]]],
    ["a host that stays", "nothing", { protectedHosts: ["pve1", "pve2"] }, []],
    [
      "a host of which only a VM changes",
      "restart",
      { protectedHosts: ["pve1"] },
      [["protectedHosts", "pve1"]],
    ],
    ["a guest by its id", "reboot", { protectedGuests: ["200"] }, [["protectedGuests", "200"]]],
    [
      "a guest of one host",
      "reboot",
      { protectedGuests: ["pve1/100", "pve2/100"] },
      [["protectedGuests", "pve1/100"]],
    ],
    ["a guest that stays", "nothing", { protectedGuests: ["100"] }, []],
  ])("%s", (_what, plan, rules, expected) => {
    expect(broken(plan, rules)).toEqual(expected);
  });
});

describe("the file of rules", () => {
  test("every rule is read", async () => {
    const rules: Required<Rules> = {
      version: 1,
      maxReboots: 1,
      maxRebootsAtOnce: 1,
      maxGuestsStopping: 0,
      maxDevicesChangingHands: 3,
      maxDrift: 0,
      forbid: [...riskKinds],
      protectedHosts: ["pve1"],
      protectedGuests: ["pve1/100"],
    };
    await expect(parseRules("rules.json", JSON.stringify(rules))).resolves.toEqual(rules);
    expect(Object.keys(rules).sort()).toEqual(
      Object.keys(schema.properties)
        .filter((key) => key !== "$schema")
        .sort(),
    );
  });

  test.each([
    ["no JSON", "{", /^Unable to read the rules in rules\.json: /],
    ["no version", "{}", /must have required property 'version'/],
    ["another version", '{"version":2}', /version must be equal to constant/],
    [
      "a rule that is not known",
      '{"version":1,"maxReboot":1}',
      /must NOT have additional properties \(maxReboot\)/,
    ],
    ["a count that is none", '{"version":1,"maxReboots":-1}', /maxReboots must be >= 0/],
    ["words for a count", '{"version":1,"maxReboots":"1"}', /maxReboots must be integer/],
    [
      "a risk that is not known",
      '{"version":1,"forbid":["reboots"]}',
      /forbid\/0 must be .*: assumed, unsafe-interrupts/,
    ],
  ])("%s is refused", async (_what, content, words) => {
    await expect(parseRules("rules.json", content)).rejects.toThrow(words);
  });
});

test("both schemas know every kind of risk", () => {
  expect(schema.properties.forbid.items.enum).toEqual([...riskKinds]);
  expect(reviewSchema.definitions.host.properties.risks.items.properties.kind.enum).toEqual([...riskKinds]);
});
