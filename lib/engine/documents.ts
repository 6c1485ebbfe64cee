/** The engine's documents as facts: numbers and booleans are text there, and what is not set is missing. */
import type {
  AttachedDevice,
  EngineDevice,
  EngineHost,
  EngineNic,
  EngineVm,
  EngineVnicProfile,
} from "../model/engineFacts";
import { isObject } from "./client";
import type { Json, JsonObject } from "./types";

/** The items of a collection; an empty one has no list at all. */
export function items(collection: JsonObject, name: string): readonly JsonObject[] {
  const list = collection[name];
  return Array.isArray(list) ? (list as readonly Json[]).filter(isObject) : [];
}

/** The value at a path of names; undefined where a part is missing. */
function at(document: JsonObject, ...path: readonly string[]): Json | undefined {
  return path.reduce<Json | undefined>(
    (value, name) => (isObject(value) ? value[name] : undefined),
    document,
  );
}

export function text(document: JsonObject, ...path: readonly string[]): string {
  const value = at(document, ...path);
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

function optional(document: JsonObject, ...path: readonly string[]): string | null {
  return text(document, ...path) || null;
}

function flag(document: JsonObject, ...path: readonly string[]): boolean {
  const value = at(document, ...path);
  return value === true || value === "true";
}

export function vmOf(
  document: JsonObject,
  devices: EngineVm["devices"] = null,
  nics: EngineVm["nics"] = null,
): EngineVm {
  const hosts = at(document, "placement_policy", "hosts");
  return {
    id: text(document, "id"),
    name: text(document, "name"),
    status: text(document, "status"),
    affinity: text(document, "placement_policy", "affinity"),
    pinnedTo: isObject(hosts) ? items(hosts, "host").map((host) => text(host, "id")) : [],
    runsOn: text(document, "status") === "down" ? null : optional(document, "host", "id"),
    isEngine: /^(?:managed_)?hosted_engine$/.test(text(document, "origin")),
    nextRun: flag(document, "next_run_configuration_exists"),
    devices,
    nics,
  };
}

export function attachedOf(document: JsonObject): AttachedDevice {
  return { name: text(document, "name"), placeholder: flag(document, "placeholder") };
}

export function nicOf(document: JsonObject): EngineNic {
  return {
    id: text(document, "id"),
    name: text(document, "name"),
    interface: text(document, "interface"),
    profile: optional(document, "vnic_profile", "id"),
  };
}

export function profileOf(document: JsonObject): EngineVnicProfile {
  return {
    id: text(document, "id"),
    name: text(document, "name"),
    passThrough: text(document, "pass_through", "mode") === "enabled",
  };
}

export function hostOf(document: JsonObject, devices: EngineHost["devices"] = null): EngineHost {
  return {
    id: text(document, "id"),
    name: text(document, "name"),
    status: text(document, "status"),
    address: text(document, "address"),
    cpu: text(document, "cpu", "name"),
    customCommandLine: text(document, "os", "custom_kernel_cmdline"),
    reportedCommandLine: text(document, "os", "reported_kernel_cmdline"),
    passthrough:
      at(document, "device_passthrough", "enabled") === undefined
        ? null
        : flag(document, "device_passthrough", "enabled"),
    powerManagement: flag(document, "power_management", "enabled"),
    hostedEngine: flag(document, "hosted_engine", "configured"),
    localMaintenance: flag(document, "hosted_engine", "local_maintenance"),
    devices,
  };
}

export function deviceOf(document: JsonObject): EngineDevice {
  const hex = (...path: readonly string[]) =>
    text(document, ...path)
      .replace(/^0x/i, "")
      .toLowerCase();
  const [vendor, product] = [hex("vendor", "id"), hex("product", "id")];
  return {
    name: text(document, "name"),
    capability: text(document, "capability"),
    group: optional(document, "iommu_group"),
    id: vendor === "" || product === "" ? "" : `${vendor}:${product}`,
    product: text(document, "product", "name"),
    driver: text(document, "driver"),
    usedBy: optional(document, "vm", "id"),
  };
}
