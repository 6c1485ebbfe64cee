import type { HostFacts } from "../../lib/model/facts";
import { firmwareWarnings } from "../../lib/model/firmware";
import { hugepageMemory } from "../../lib/model/hugepages";
import { observe } from "../../lib/model/observation";
import { detectPlatform } from "../../lib/model/platform";
import { hostFacts, pciDevice } from "../support/facts";

function warnings(facts: Partial<HostFacts>, declared = { iommu: true, devices: {} }) {
  const observation = observe(hostFacts(facts));
  return firmwareWarnings(declared, detectPlatform(observation), observation).map((words) =>
    words.join(": "),
  );
}

const noTable = { efi: true, iommuTable: null, product: "Supermicro X11SCL" };

test.each<[string, Partial<HostFacts>, RegExp[]]>([
  ["everything is on", {}, []],
  [
    "no VT-x",
    { cpu: { vendor: "intel", virtualization: false } },
    [
      /deb1 has virtualization switched off: .*no vmx.*VT-x\) in the firmware's setup \(Dell Inc. PowerEdge\)/,
    ],
  ],
  [
    "no SVM, no AMD-Vi",
    { cpu: { vendor: "amd", virtualization: false }, firmware: noTable },
    [/no svm.*SVM Mode/, /offers no IOMMU: .*no IVRS table.*Switch on IOMMU \(AMD-Vi\).*Supermicro X11SCL/],
  ],
  ["no VT-d", { firmware: noTable }, [/The firmware of deb1 offers no IOMMU: .*no DMAR table.*VT-d/]],
  ["no table, but units", { firmware: noTable, iommuUnits: ["dmar0"] }, []],
  [
    "no table, but groups",
    { firmware: noTable, devices: [pciDevice({ address: "0000:01:00.0", iommuGroup: "1" })] },
    [],
  ],
  [
    "POWER has neither",
    { architecture: "ppc64le", cpu: { vendor: "other", virtualization: false }, firmware: noTable },
    [],
  ],
  [
    "ARM has neither",
    { architecture: "aarch64", cpu: { vendor: "other", virtualization: false }, firmware: noTable },
    [],
  ],
])("%s", (_what, facts, expected) => {
  expect(warnings(facts)).toEqual(expected.map((words) => expect.stringMatching(words) as string));
});

test("a host that is asked for no IOMMU needs none", () => {
  expect(warnings({ firmware: noTable }, { iommu: false, devices: {} })).toEqual([]);
  expect(warnings({ firmware: noTable }, { iommu: false, devices: { gpu: {} } })).toHaveLength(1);
});

test.each([
  [{ "1G": 16 }, 64, null],
  [{ "1G": 60 }, 64, true],
  [{ "1G": 32, "2M": 16384 }, 64, false],
  [{ "1G": 100 }, 0, null],
])("huge pages %j of %d GiB", (pools, gibibytes, enough) => {
  expect(hugepageMemory({ pools }, gibibytes * 1024 ** 2)?.enough ?? null).toBe(enough);
});
