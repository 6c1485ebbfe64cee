/** What is used of the package; its own types describe only its ES module, which this code does not load. */
declare module "ssh-config" {
  interface ConfigLine {
    readonly param?: string;
    readonly value?: string | readonly { readonly val: string }[];
    /** The lines of a Host or Match section. */
    config?: Config;
  }

  interface Config extends Array<ConfigLine> {
    compute(
      query: { Host: string; User?: string },
      options: { ignoreCase: boolean; matchExec: boolean },
    ): Record<string, string | string[]>;
  }

  function parse(text: string): Config;
}
