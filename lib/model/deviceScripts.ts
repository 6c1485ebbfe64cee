import deviceFunctions from "./scripts/deviceFunctions.sh";

/** A program that stands on a host by itself, with the functions that it shares with others put into it. */
export function asOneFile(program: string): string {
  return program.replace(
    /^# shellcheck source=lib\/model\/scripts\/deviceFunctions\.sh\n\. deviceFunctions\.sh\n/m,
    () => deviceFunctions.slice(deviceFunctions.indexOf("\n\n") + 2),
  );
}
