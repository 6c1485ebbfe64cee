import type { Document, Element } from "@xmldom/xmldom";
import { childrenOf, devicesOf, rootOf, VirshError } from "./store";

/** What tells one device of the host from another: `pci 0000:01:00.0`; null for what is none. */
export function sourceOf(device: Element): string | null {
  const [source] = childrenOf(device, "source");
  const [address] = source ? childrenOf(source, "address") : [];
  const type = device.getAttribute("type") ?? "";
  if (address?.getAttribute("slot")) return `pci ${pciAddress(address)}`;
  if (device.tagName !== "hostdev" || source === undefined) return null;
  if (type === "mdev") return `mdev ${address?.getAttribute("uuid") ?? ""}`;
  const id = (tag: string) => childrenOf(source, tag)[0]?.getAttribute("id") ?? "";
  const where = `${address?.getAttribute("bus") ?? ""}.${address?.getAttribute("device") ?? ""}`;
  return `${type} ${id("vendor")}:${id("product")} ${where}`;
}

export function pciSourceOf(device: Element): string | null {
  return /^pci (.*)$/.exec(sourceOf(device) ?? "")?.[1] ?? null;
}

function pciAddress(address: Element): string {
  const part = (name: string, digits: number) =>
    Number(address.getAttribute(name) ?? 0)
      .toString(16)
      .padStart(digits, "0");
  return `${part("domain", 4)}:${part("bus", 2)}:${part("slot", 2)}.${part("function", 1)}`;
}

/** Puts a device behind the others, as libvirt writes it, with an address for the guest. */
export function addHostdev(document: Document, device: Element, live: boolean): void {
  check(document, device);
  const [devices] = childrenOf(rootOf(document), "devices");
  if (!devices) throw new VirshError("XML error: missing devices");
  const copy = document.importNode(device, true);
  tidy(copy, document, live);
  const last =
    childrenOf(devices)
      .filter(({ tagName }) => tagName === "hostdev")
      .pop() ?? childrenOf(devices).pop();
  const before = last?.nextSibling ?? null;
  devices.insertBefore(document.createTextNode("\n    "), before);
  devices.insertBefore(copy, before);
}

/** Takes the device with this source away, and the line that it stood in. */
export function removeHostdev(document: Document, device: Element): void {
  const source = sourceOf(device);
  const found = devicesOf(document).find(
    (known) => known.tagName === "hostdev" && sourceOf(known) === source,
  );
  if (!found) throw new VirshError("device not found: host device not present in domain configuration");
  const indent = found.previousSibling;
  if (indent?.nodeType === indent?.TEXT_NODE && indent) found.parentNode?.removeChild(indent);
  found.parentNode?.removeChild(found);
}

function check(document: Document, device: Element): void {
  if (device.tagName !== "hostdev")
    throw new VirshError(`unsupported configuration: unknown device type '${device.tagName}'`);
  if (device.getAttribute("mode") !== "subsystem")
    throw new VirshError(
      `unsupported configuration: Unexpected hostdev mode '${device.getAttribute("mode") ?? ""}'`,
    );
  const source = sourceOf(device);
  if (source === null) throw new VirshError("XML error: Missing <source> element in hostdev device");
  const there = devicesOf(document);
  if (there.some((known) => sourceOf(known) === source))
    throw new VirshError("Requested operation is not valid: device is already in the domain configuration");
  const alias = aliasOf(device);
  if (alias !== null && !/^ua-[A-Za-z0-9_-]+$/.test(alias))
    throw new VirshError(`XML error: invalid alias ${alias}`);
  if (alias !== null && there.some((known) => aliasOf(known) === alias))
    throw new VirshError(`XML error: non unique alias detected: ${alias}`);
  const place = attributeOf(device, "boot", "order");
  if (place === null) return;
  if (childrenOf(rootOf(document), "os").some((os) => childrenOf(os, "boot").length > 0))
    throw new VirshError(
      "unsupported configuration: per-device boot elements cannot be used together with os/boot elements",
    );
  if (there.some((known) => attributeOf(known, "boot", "order") === place))
    throw new VirshError(`unsupported configuration: boot order ${place} is already used by another device`);
}

const aliasOf = (device: Element) => attributeOf(device, "alias", "name");

function attributeOf(device: Element, tag: string, name: string): string | null {
  return childrenOf(device, tag)[0]?.getAttribute(name) ?? null;
}

/** One element a line, what libvirt adds by itself included. */
function tidy(device: Element, document: Document, live: boolean): void {
  if (device.getAttribute("type") === "pci") {
    if (!device.getAttribute("managed")) device.setAttribute("managed", "no");
    if (live && childrenOf(device, "driver").length === 0) {
      const driver = document.createElement("driver");
      driver.setAttribute("name", "vfio");
      device.insertBefore(driver, device.firstChild);
    }
    if (childrenOf(device, "address").length === 0) device.appendChild(freeAddress(document));
  }
  indent(device, document, "    ");
}

function freeAddress(document: Document): Element {
  const used = devicesOf(document).flatMap((known) =>
    childrenOf(known, "address").map((address) => Number(address.getAttribute("bus") ?? 0)),
  );
  const address = document.createElement("address");
  const values = {
    type: "pci",
    domain: "0x0000",
    bus: `0x${(Math.max(0, ...used) + 1).toString(16).padStart(2, "0")}`,
    slot: "0x00",
    function: "0x0",
  };
  for (const [name, value] of Object.entries(values)) address.setAttribute(name, value);
  return address;
}

function indent(element: Element, document: Document, margin: string): void {
  for (const node of Array.from(element.childNodes)) {
    if (node.nodeType === element.TEXT_NODE && (node.nodeValue ?? "").trim() === "")
      element.removeChild(node);
  }
  const inner = childrenOf(element);
  for (const child of inner) {
    element.insertBefore(document.createTextNode(`\n${margin}  `), child);
    indent(child, document, `${margin}  `);
  }
  if (inner.length > 0) element.appendChild(document.createTextNode(`\n${margin}`));
}
