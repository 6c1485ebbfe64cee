/** Which devices the front end's hosts list, as it is declared. */
import { parsePciFilter, printPciPattern, shortPciAddress } from "../../model/openNebulaFilter";
import { pciConfKeys, printPciConfEntry, type PciConfKey } from "../../model/openNebulaPciConf";
import { valueProblem } from "../../model/openNebulaTemplate";
import type { Settings } from "../types";

/** What is listed, of all hosts or of one; what is null is not ours. */
export interface Selection {
  /** Patterns as `lspci -d` takes them. */
  readonly filter: readonly string[] | null;
  readonly shortAddress: readonly string[] | null;
  /** Regular expressions. */
  readonly deviceName: readonly string[] | null;
}

export interface HostSelection extends Selection {
  /** Exactly these functions: `vvvv:dddd` by address. */
  readonly devices: Readonly<Record<string, string>> | null;
}

export interface PciFilterDeclaration extends Selection {
  /** By name or id of the OpenNebula host. */
  readonly hosts: Readonly<Record<string, HostSelection>>;
}

/** `path` is where it stands: `["hosts", "node1", "filter"]`. */
export interface FilterProblem {
  readonly path: readonly string[];
  readonly detail: string;
}

/** Attributes of a host's template that stand before the common configuration. */
const overrides = ["PCI_FILTER", "PCI_SHORT_ADDRESS", "PCI_DEVICE_NAME"] as const;
export type Override = (typeof overrides)[number];

/** What is wrong with a declaration whatever the front end. */
export function filterProblems(declaration: PciFilterDeclaration): FilterProblem[] {
  return [
    ...selectionProblems([], declaration),
    ...Object.entries(declaration.hosts).flatMap(([host, selection]) => [
      ...selectionProblems(["hosts", host], selection),
      ...(selection.deviceName ?? []).flatMap((name) =>
        name.includes(",")
          ? [
              {
                path: ["hosts", host, "device_name"],
                detail: `${JSON.stringify(name)} has a comma, which there separates names.`,
              },
            ]
          : [],
      ),
      ...Object.entries(selection.devices ?? {}).flatMap(([address, id]) => [
        ...problem(["hosts", host, "devices"], () => shortPciAddress(address)),
        ...problem(["hosts", host, "devices"], () => parsePciFilter(id)),
      ]),
    ]),
  ];
}

function selectionProblems(
  at: readonly string[],
  { filter, shortAddress, deviceName }: Selection,
): FilterProblem[] {
  return [
    ...(filter?.length === 0
      ? [
          {
            path: [...at, "filter"],
            detail: "It is empty. Expected at least one pattern; 0:0 lists no device.",
          },
        ]
      : []),
    ...(filter ?? []).flatMap((one) => problem([...at, "filter"], () => parsePciFilter(one))),
    ...(shortAddress ?? []).flatMap((one) => problem([...at, "short_address"], () => shortPciAddress(one))),
    ...(deviceName ?? []).flatMap((one) => problem([...at, "device_name"], () => checkDeviceName(one))),
  ];
}

/** The probe fails on every host where it cannot compile one. */
function checkDeviceName(text: string): void {
  if (text === "" || !/^[^\0-\x1f\x7f]*$/.test(text) || valueProblem(text) !== null)
    throw new Error(
      `${JSON.stringify(text)} is not a device name. Expected a regular expression on one line.`,
    );
  try {
    new RegExp(text, "i");
  } catch (error) {
    throw new Error(
      `${JSON.stringify(text)} is not a regular expression: ${(error as Error).message}. Expected one, such as ^MegaRAID.`,
    );
  }
}

function problem(path: readonly string[], check: () => unknown): FilterProblem[] {
  try {
    check();
    return [];
  } catch (error) {
    return [{ path, detail: (error as Error).message }];
  }
}

/**
 * The declared settings in OpenNebula's own words, by where they stand.
 * @throws an Error for a malformed declaration
 */
export function desiredFilter(declaration: PciFilterDeclaration): Settings {
  const [malformed] = filterProblems(declaration);
  if (malformed) throw new Error(`${malformed.path.join(".")}: ${malformed.detail}`);
  const conf: Readonly<Record<PciConfKey, readonly string[] | null>> = {
    ":filter": patterns(declaration.filter),
    ":short_address": addresses(declaration.shortAddress),
    ":device_name": declaration.deviceName,
  };
  return Object.fromEntries([
    ...pciConfKeys.flatMap((key) => {
      const values = conf[key];
      return values === null ? [] : [[confSetting(key), printPciConfEntry(key, values)] as const];
    }),
    ...Object.entries(declaration.hosts).flatMap(([host, selection]) =>
      Object.entries(overridesOf(selection)).map(([name, value]) => [`${host} ${name}`, value] as const),
    ),
  ]);
}

const confSetting = (key: PciConfKey): string => `pci.conf ${key}`;

const patterns = (filter: readonly string[] | null): string[] | null =>
  filter && [...new Set(filter.flatMap(parsePciFilter).map(printPciPattern))];
const addresses = (list: readonly string[] | null): string[] | null =>
  list && [...new Set(list.map(shortPciAddress))];

/** Devices add their ids to the filter; beside no other filter, exactly they are listed. */
function overridesOf({
  filter,
  shortAddress,
  deviceName,
  devices,
}: HostSelection): Partial<Record<Override, string>> {
  const ids = devices && Object.values(devices);
  const exactly = devices !== null && filter === null ? Object.keys(devices) : [];
  const listed = filter === null && ids === null ? null : patterns([...(filter ?? []), ...(ids ?? [])]);
  const short =
    shortAddress === null && exactly.length === 0 ? null : addresses([...(shortAddress ?? []), ...exactly]);
  return {
    ...(listed === null ? {} : { PCI_FILTER: listed.length === 0 ? "0:0" : listed.join(",") }),
    ...(short === null ? {} : { PCI_SHORT_ADDRESS: short.join(",") }),
    ...(deviceName === null ? {} : { PCI_DEVICE_NAME: deviceName.join(",") }),
  };
}

/** Where a setting stands: a key of pci.conf, or an attribute of a host's template. */
export type Place = { readonly conf: PciConfKey } | { readonly host: string; readonly name: Override };

export function placeOf(setting: string): Place {
  const conf = pciConfKeys.find((key) => setting === confSetting(key));
  if (conf) return { conf };
  const name = overrides.find((one) => setting.endsWith(` ${one}`));
  if (name) return { host: setting.slice(0, -name.length - 1), name };
  throw new Error(`${JSON.stringify(setting)} is no setting of the PCI monitoring.`);
}
