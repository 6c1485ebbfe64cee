import { importedState } from "../../lib/provider/importId";
import { iommuHostSchema, vmSchema } from "../../lib/schema";

const hostAttributes = iommuHostSchema.attributes;

describe("a plain id", () => {
  test("fills its fields and leaves the rest to the read", () => {
    const state = importedState("pve1/100", ["host", "vm_id"], vmSchema.attributes);
    expect(state).toMatchObject({ host: "pve1", vm_id: "100", pci: null, settings: null });
    expect(Object.keys(state).sort()).toEqual(Object.keys(vmSchema.attributes).sort());
  });

  test("keeps everything behind the first slash together", () => {
    expect(importedState("pve1/0000:01:00", ["host", "name"], { host: {}, name: {} })).toEqual({
      host: "pve1",
      name: "0000:01:00",
    });
  });

  test.each(["pve1", "pve1/", "/100", ""])("%j is refused with the form that is expected", (id) => {
    expect(() => importedState(id, ["host", "vm_id"], vmSchema.attributes)).toThrow("expected host/vm_id");
  });
});

describe("a JSON id", () => {
  test("carries declared attributes, so that adopting changes nothing", () => {
    const id = JSON.stringify({ host: "pve1", kernel_parameters: ["iommu=pt"] });
    expect(importedState(id, ["host"], hostAttributes)).toMatchObject({
      host: "pve1",
      kernel_parameters: ["iommu=pt"],
      files: null,
    });
  });

  test("names an attribute that does not exist", () => {
    expect(() => importedState('{"hots":"pve1"}', ["host"], hostAttributes)).toThrow(
      "The import id names hots; known are id, host",
    );
  });

  test("says what is wrong with broken JSON", () => {
    expect(() => importedState('{"host":', ["host"], hostAttributes)).toThrow(
      "The import id is not valid JSON",
    );
  });
});
