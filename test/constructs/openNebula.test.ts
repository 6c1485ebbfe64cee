import { Testing, type TerraformStack } from "cdktf";
import {
  OpenNebula,
  OpenNebulaPciFilter,
  VfioBinding,
  type IommuHost,
  type OpenNebulaPciFilterProps,
} from "../../lib";
import { newHost, newStack } from "./support";

let stack: TerraformStack;
let node: IommuHost;
let one: OpenNebula;
beforeEach(() => {
  stack = newStack();
  node = newHost(stack, "node1");
  one = new OpenNebula(stack, "one", { connection: { host: "10.0.0.5" } });
});

const filter = (props: Omit<OpenNebulaPciFilterProps, "frontEnd">, id = "pci") =>
  new OpenNebulaPciFilter(stack, id, { frontEnd: one, ...props });
const written = () =>
  JSON.parse(Testing.synth(stack)) as {
    provider: { passthrough: { hosts: Record<string, unknown> }[] };
    resource: Record<string, Record<string, Record<string, unknown>>>;
  };

test("the front end is one of the provider's hosts, and no reboot waits for it", () => {
  newHost(stack, "node2");
  const { provider, resource } = written();
  expect(provider.passthrough[0]?.hosts).toMatchObject({ one: { host: "10.0.0.5" }, node1: {}, node2: {} });
  expect(resource["passthrough_iommu_host"]?.["node2"]).toMatchObject({
    depends_on: [expect.stringMatching(/^terraform_data\.node1_reboot/)],
  });
});

test("a host of the stack may be the front end too", () => {
  const own = new OpenNebula(stack, "all-in-one", { host: node });
  new OpenNebulaPciFilter(stack, "own", { frontEnd: own, filter: ["10de:*"] });
  expect(written().resource["passthrough_opennebula_pci"]?.["own"]).toMatchObject({
    host: "node1",
    depends_on: [expect.stringMatching(/^terraform_data\.node1_reboot/)],
  });
});

test("devices of bindings are written as what the bindings resolve them to, once they have", () => {
  const gpu = new VfioBinding(stack, "gpu", { host: node, devices: { card: { address: "0000:01:00" } } });
  filter({ hosts: { node1: { devices: [gpu.device("card")] }, "2": { filter: ["8086::0c03"] } } });
  expect(written().resource["passthrough_opennebula_pci"]?.["pci"]).toMatchObject({
    hosts: {
      node1: {
        devices:
          '${merge({ for address, one in passthrough_vfio_binding.gpu.functions : address => one.id if one.device == "card" })}',
      },
      "2": { filter: ["8086::0c03"] },
    },
    depends_on: ["passthrough_vfio_binding.gpu"],
  });
});

describe("what cannot be meant", () => {
  const cases: [what: string, props: Omit<OpenNebulaPciFilterProps, "frontEnd">, words: string][] = [
    ["no pattern", { filter: [] }, "stack/pci: filter is empty"],
    ["a malformed pattern", { filter: ["10de"] }, 'stack/pci: filter: "10de" is not a PCI filter'],
    ["a pattern with a line break", { filter: ["10de:*\n"] }, "is not a PCI filter"],
    ["an address of a slot", { shortAddress: ["07:00"] }, 'shortAddress: "07:00" is not an address'],
    ["an address of another domain", { shortAddress: ["0001:07:00.0"] }, "domain 0000 alone"],
    ["a name with a line break", { deviceName: ["a\nb"] }, "deviceName"],
    ["a host's malformed pattern", { hosts: { node1: { filter: ["x:y"] } } }, "hosts.node1.filter"],
    ["a host whose name is an option", { hosts: { "--all": {} } }, 'hosts: "--all" is not a name'],
    ["a host whose name has a line break", { hosts: { "a\nb": {} } }, "is not a name or id"],
    ["less than no time", { wait: -1 }, "wait: -1 is not a number of seconds"],
  ];
  test.each(cases)("%s", (_what, props, words) => {
    expect(() => filter(props)).toThrow(words);
  });

  test("two filters of one front end", () => {
    filter({ filter: ["10de:*"] });
    expect(() => filter({ filter: ["8086:*"] }, "second")).toThrow(
      /stack\/pci and stack\/second both describe/,
    );
  });

  test("devices of two hosts under one name", () => {
    const other = newHost(stack, "node2");
    const bind = (id: string, host: IommuHost) =>
      new VfioBinding(stack, id, { host, devices: { card: { address: "0000:01:00" } } }).device("card");
    expect(() => filter({ hosts: { node1: { devices: [bind("a", node), bind("b", other)] } } })).toThrow(
      "which are of two hosts",
    );
  });

  test.each([
    [{}, "names no machine"],
    [{ connection: { host: "a" } }, "names connection and host"],
  ])("front end %#", (props, words) => {
    const given = Object.keys(props).length === 0 ? props : { ...props, host: node };
    expect(() => new OpenNebula(stack, "other", given)).toThrow(words);
  });

  test("a front end in another stack than its host", () => {
    expect(() => new OpenNebula(newStack("other"), "one", { host: node })).toThrow(
      "stands in the stack other",
    );
  });
});
