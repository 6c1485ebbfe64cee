/** The entry's name to its loader. */
export const entryId = "cdktf-passthrough-trial";

/** An entry file of a trial, by its path. */
export const isTrialEntry = (path: string): boolean =>
  new RegExp(`/loader/entries/([0-9a-f]{32}-0-)?${entryId}\\.conf$`).test(path);
