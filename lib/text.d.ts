/** Scripts and protocol files are bundled as text. */
declare module "*.sh" {
  const text: string;
  export default text;
}
declare module "*.proto" {
  const text: string;
  export default text;
}
