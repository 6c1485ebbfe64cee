/** What can be told wrong from the code alone. A value that holds a token is known only to Terraform and passes. */
import { Token } from "cdktf";
import { bootLoaderNames, initramfsNames, rebootCheckNames } from "../schema";
import * as errors from "./errors";

export type Check<T> = (where: string, value: T) => void;

/** Applies a check to what is set and known. */
export function check<T>(rule: Check<T>, where: string, value: T | undefined): void {
  if (value !== undefined && !Token.isUnresolved(value)) rule(where, value);
}

export function checkAll<T>(rule: Check<T>, where: string, values: readonly T[] | undefined): void {
  values?.forEach((value) => check(rule, where, value));
}

function matching(form: RegExp, error: (where: string, value: string) => Error): Check<string> {
  return (where, value) => {
    if (!form.test(value)) throw error(where, value);
  };
}

function among(expected: readonly string[]): Check<string> {
  return (where, value) => {
    if (!expected.includes(value)) throw errors.notOneOf(where, value, expected);
  };
}

function above0(unit: string): Check<number> {
  return (where, value) => {
    if (!(value > 0)) throw errors.notPositive(where, value, unit);
  };
}

const addressForm = /^(?:([0-9a-f]{4,8}):)?([0-9a-f]{2}):([01][0-9a-f])(?:\.([0-7]))?$/i;
const printable = /^[\x20-\x7e]+$/;

export const isAddress = matching(addressForm, errors.malformedAddress);
export const isDeviceId = matching(/^[0-9a-f]{4}:[0-9a-f]{4}$/i, errors.malformedDeviceId);
export const isClass = matching(/^(?:[0-9a-f]{2}){1,3}$/i, errors.malformedClass);
export const isFourHex = matching(/^[0-9a-f]{4}$/i, errors.malformedFourHex);
export const isHexId = matching(/^0x[0-9a-f]{4}$/i, errors.malformedHexId);
export const isUsbHost = matching(
  /^(?:(?:0x)?[0-9a-f]{4}:(?:0x)?[0-9a-f]{4}|\d+-\d+(?:\.\d+)*)$/i,
  errors.malformedUsbHost,
);
export const isModule = matching(/^[A-Za-z0-9][\w-]*$/, errors.malformedModule);
export const isSoftdep = matching(/^(?:(?:pre|post):(?: +[A-Za-z0-9][\w-]*)+ *)+$/, errors.malformedSoftdep);
export const isAcsOverride = matching(
  /^(?:downstream|multifunction|id:[0-9a-f]{4}:[0-9a-f]{4})$/i,
  errors.malformedAcsOverride,
);
export const isPageSize = matching(/^[1-9]\d*[KMG]$/, errors.malformedPageSize);
export const isIommuMode = among(["passthrough", "translated"]);
export const isDeviceKey = matching(/^\w[\w.-]*$/, errors.malformedKey);
export const isPciFilter = matching(
  /^(?:\*|[0-9a-f]{0,4})(?::(?:\*|[0-9a-f]{0,4})){1,2}$/i,
  errors.malformedPciFilter,
);
export const isShortAddress = matching(
  /^(?:0000:)?[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$/i,
  errors.malformedShortAddress,
);
export const isShortHex = matching(/^[0-9a-f]{1,4}$/i, errors.malformedShortHex);
export const isMac = matching(/^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i, errors.malformedMac);
export const isFunction = matching(/\.[0-7]$/, errors.namesSlot);
/** Of one station: no group address, and not all zeros, which cards take for none. */
export const isStationMac = matching(
  /^(?!(?:00:){5}00)[0-9a-f][02468ace](?::[0-9a-f]{2}){5}$/i,
  errors.malformedMac,
);
export const isDeviceName = matching(/^\P{Cc}+$/u, errors.malformedDeviceName);
export const isOpenNebulaName = matching(/^(?!-)\P{Cc}+$/u, errors.malformedOpenNebulaName);
export const isRomfile = matching(/^[^/\s,]+$/, errors.romfileIsPath);
export const isMappingName = matching(/^[a-z][a-z0-9_-]+$/i, errors.malformedMappingName);
export const isLine = matching(
  /^(?=.{1,4096}$)[^\s\p{Cc}](?:[^\p{Cc}\u2028\u2029]*[^\s\p{Cc}])?$/u,
  errors.malformedLine,
);
export const isUsbId = matching(/^[0-9a-f]{4}:[0-9a-f]{4}$/i, errors.malformedUsbId);
export const isUsbPort = matching(/^\d+-\d+(?:\.\d+)*$/, errors.malformedUsbPort);
export const isRomfilePath = matching(/^\/[\w.+@:,/-]+$/, errors.romfileIsNoPath);
export const isDomainName = matching(/^(?!\s*$)[^/\p{Cc}]{1,200}$/u, errors.badDomainName);
export const isVmValue = matching(/^[^\s,]+$/, errors.malformedValue);
export const isEngineName = matching(/^(?!\.+$)[\p{L}\p{N}_.+-]{1,255}$/u, errors.badEngineName);
export const isConnectionHost = matching(/^[^\s/@-][^\s/@]*$/, errors.badConnectionHost);
export const isPath = matching(/^(?:\/|~|%|\$)/, errors.relativePath);
export const isSeconds = above0("seconds");
export const isMinutes = above0("minutes");
export const isPanicSeconds: Check<number> = (where, value) => {
  if (!Number.isInteger(value) || value < 0) throw errors.badPanicSeconds(where, value);
};
export const isBootLoader = among(bootLoaderNames);
export const isInitramfs = among(initramfsNames);
export const isCpuVendor = among(["intel", "amd"]);
export const isWhenUnreachable = among(["error", "assume-state"]);
export const isEvents = among(["terraform_data", "null_resource"]);
export const isUnresponsive = among(["fail", "power-off"]);
export const isImmovable = among(["fail", "shut-down"]);
export const isRebootCheck = among(rebootCheckNames);
export const isNode = matching(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i, errors.malformedNode);
export const isHostCount: Check<number> = (where, value) => {
  if (!Number.isInteger(value) || value < 1) throw errors.notPositive(where, value, "hosts");
};
export const isRebootMode = among(["automatic", "manual"]);
export const isBios = among(["ovmf", "seabios"]);
export const isSlotDriver = among(["vfio", "keep"]);

/** What the host's boot needs cannot wait for another resource. */
export const isLiteral: Check<string | undefined> = (where, value) => {
  if (Token.isUnresolved(value)) throw errors.notLiteral(where);
};

export const isEngineUrl: Check<string> = (where, value) => {
  let url: URL | null = null;
  try {
    url = new URL(value);
  } catch {
    // Said below.
  }
  if (
    url?.protocol !== "https:" ||
    url.username !== "" ||
    url.password !== "" ||
    url.search + url.hash !== ""
  ) {
    throw errors.badEngineUrl(where, value);
  }
};

export const isFingerprint = matching(
  /^(?:sha256[:/ ])?(?:[0-9a-f]{64}|[0-9a-f]{2}(?::[0-9a-f]{2}){31})$/i,
  errors.badFingerprint,
);

export const isPem: Check<string> = (where, value) => {
  if (!value.includes("-----BEGIN ")) throw errors.badPem(where);
};

export const isBootOrder: Check<number> = (where, value) => {
  if (!Number.isInteger(value) || value < 1) throw errors.badBootOrder(where, value);
};

export const isPageCount: Check<number> = (where, value) => {
  if (!Number.isInteger(value) || value < 0) throw errors.badPageCount(where, value);
};

export const isPort: Check<number> = (where, value) => {
  if (!Number.isInteger(value) || value < 1 || value > 65535) throw errors.badPort(where, value);
};

export const isFunctionCount: Check<number> = (where, value) => {
  if (!Number.isInteger(value) || value < 1) throw errors.badFunctionCount(where, value);
};

export const isMebibytes: Check<number> = (where, value) => {
  if (!Number.isInteger(value) || value < 0 || value > 999_999_999) throw errors.badMebibytes(where, value);
};

export const isVlanId: Check<number> = (where, value) => {
  if (!Number.isInteger(value) || value < 1 || value > 4094) throw errors.badVlanId(where, value);
};

export const isSecondsOrNone: Check<number> = (where, value) => {
  if (!(value >= 0)) throw errors.badSecondsOrNone(where, value);
};

/** Patterns with commas between them. */
export const isPciFilterList: Check<string> = (where, value) =>
  value.split(",").forEach((pattern) => isPciFilter(where, pattern.trim()));

export const isExpression: Check<string> = (where, value) => {
  try {
    new RegExp(value, "iu");
  } catch (error) {
    throw errors.malformedExpression(where, value, error instanceof Error ? error.message : String(error));
  }
};

export const isOrdinal: Check<number> = (where, value) => {
  if (!Number.isInteger(value) || value < 1) throw errors.badOrdinal(where, value);
};

export const isCount: Check<number | string> = (where, value) => {
  if (value !== "all" && !(Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 9999))
    throw errors.badCount(where, value);
};

/** Several functions may be joined by `;`. */
export const isAddresses: Check<string> = (where, value) =>
  value.split(";").forEach((address) => isAddress(where, address));

export const isModuleOptions: Check<string> = (where, value) => {
  if (!printable.test(value) || value.trim() === "" || /[\\#]/.test(value)) {
    throw errors.malformedModuleOptions(where, value);
  }
};

export const isBlacklistable: Check<string> = (where, value) => {
  isModule(where, value);
  if (/^vfio([_-]|$)/.test(value)) throw errors.blacklistedVfio(where, value);
};

const unquoted = (text: string): string => text.replace(/"[^"]*"/g, "");

const parameterFaults: readonly (readonly [why: string, isFaulty: (text: string) => boolean])[] = [
  ["it is empty", (text) => text.trim() === ""],
  ["it holds a line break or another character outside of printable ASCII", (text) => !printable.test(text)],
  [
    "the boot loader's configuration gives $, `, \\ and ' a meaning of their own",
    (text) => /[$`\\']/.test(text),
  ],
  ["a double quote is left open", (text) => unquoted(text).includes('"')],
  ["it has a space outside of double quotes", (text) => unquoted(text).includes(" ")],
  ["the boot loader gives ; & | < > { } a meaning of its own", (text) => /[;&|<>{}]/.test(unquoted(text))],
  ["it does not start with a name", (text) => /^[-="#]/.test(text)],
];

export const isKernelParameter: Check<string> = (where, value) => {
  const fault = parameterFaults.find(([, isFaulty]) => isFaulty(value));
  if (fault) throw errors.malformedKernelParameter(where, value, fault[0]);
};

/** `intel_iommu` is cumulative over its comma values, and a dash is an underscore to the kernel. */
export const keepsIommuOn: Check<string> = (where, value) => {
  if (/^(?:intel_iommu|amd_iommu|iommu)=(?:.*,)?off(?:,|$)/.test(value.replace(/-/g, "_"))) {
    throw errors.contradictoryParameter(where, value);
  }
};

export const bindsNothing: Check<string> = (where, value) => {
  if (/^vfio_pci\.ids=/.test(value.replace(/-/g, "_"))) throw errors.idsParameter(where, value);
};

export const setsNoIds: Check<string> = (where, value) => {
  if (/(?:^|\s)ids=/.test(value)) throw errors.idsParameter(where, value);
};

/** The kernel's own way to write an address, so that two spellings compare; null if it is only known to Terraform. */
export function normaliseAddress(text: string): string | null {
  const [, domain = "0000", bus, device, fn] = addressForm.exec(text) ?? [];
  if (bus === undefined || device === undefined) return null;
  const slot = `${domain.replace(/^0+(?=.{4})/, "")}:${bus}:${device}`.toLowerCase();
  return fn === undefined ? slot : `${slot}.${fn}`;
}
