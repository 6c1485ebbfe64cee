import { engineParameters, mergedLine, notYetBooted, saidBy } from "../../lib/model/engineCommandLine";
import { host } from "../hypervisors/ovirt/engine";

test.each<[string, string, boolean, string[], string[]]>([
  ["Intel", "Intel(R) Xeon(R)", true, ["iommu=pt"], ["intel_iommu=on", "iommu=pt"]],
  ["AMD, whose IOMMU needs no parameter", "AMD EPYC 7302", true, ["iommu=pt"], ["iommu=pt"]],
  [
    "what the author says of it himself",
    "Intel(R) Xeon(R)",
    true,
    ["intel_iommu=on,sm_on"],
    ["intel_iommu=on,sm_on"],
  ],
  ["no IOMMU wanted", "Intel(R) Xeon(R)", false, [], []],
])("%s", (_, cpu, iommu, kernelParameters, parameters) => {
  expect(engineParameters(host("kvm1", [], { cpu }), { kernelParameters, iommu })).toEqual(parameters);
});

test("compared by meaning: order and further options are no difference", () => {
  expect(saidBy("iommu=pt nosmt intel_iommu=on,sm_on", ["intel_iommu=on", "iommu=pt"])).toEqual([
    "intel_iommu=on",
    "iommu=pt",
  ]);
  expect(saidBy("intel_iommu=on intel_iommu=off", ["intel_iommu=on"])).toEqual([]);
});

test("ours are added, what is there by others is not ours, and a destroy takes out ours alone", () => {
  const kvm1 = host("kvm1", [], { customCommandLine: "nosmt intel_iommu=on" });
  const { line, owned } = mergedLine(kvm1, ["intel_iommu=on", "iommu=pt"], []);
  expect([line, owned]).toEqual(["nosmt intel_iommu=on iommu=pt", ["iommu=pt"]]);
  const after = { ...kvm1, customCommandLine: `${line} mitigations=off` };
  expect(mergedLine(after, [], owned).line).toBe("nosmt intel_iommu=on mitigations=off");
});

test("what the engine would write at the next installation and the kernel does not run", () => {
  const kvm1 = host("kvm1", [], {
    customCommandLine: "intel_iommu=on nosmt",
    reportedCommandLine: "root=/dev/sda1 intel_iommu=on",
  });
  expect(notYetBooted(kvm1)).toEqual(["nosmt"]);
  expect(notYetBooted({ ...kvm1, reportedCommandLine: "" })).toEqual([]);
});
