import { readFileSync } from "node:fs";
import { reference, referencePath } from "../../scripts/reference";

test("docs/reference.md says what the constructs and schemas say; `npm run reference` writes it", () => {
  expect(readFileSync(referencePath, "utf8")).toBe(reference());
});

describe("the reference", () => {
  const text = reference();

  test.each([
    ["a construct with its docstring", "### VfioBinding\n\nPCI devices of a host held by vfio-pci"],
    ["a prop that must be set", "| `connection` | `Connection` | required |"],
    ["a prop with its default", "| `rebootTimeout` | `number` | 20 |"],
    ["an inherited prop", "| `adopt` | `boolean` | false |"],
    ["a union type inside a table", '| `bios` | `"ovmf" \\| "seabios"` |'],
    ["a static method", "| `Proxmox.vm(host: IommuHost, vmId: number \\| string)` | `VmTarget` |"],
    ["an attribute of a nested object", "| `pci{}.x_vga` | `bool` | you |"],
    ["an attribute that the provider sets", "| `reboot_required` | `bool` | the provider |"],
    ["an attribute that is a secret", "| `hosts{}.private_key` | `string` | you; never printed |"],
  ])("has %s", (_, line) => expect(text).toContain(line));

  test("leaves out what a stack must not use", () => {
    expect(text).not.toContain("_addBinding");
    expect(text).not.toContain("predecessors");
  });
});
