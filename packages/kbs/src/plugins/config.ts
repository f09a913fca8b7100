/** One entry of `[[plugins]]`. `name` also takes upstream's Rust spellings (`ResourceStorage`, `Sample` …). */
export interface PluginConfig {
  readonly name: string;
  readonly [setting: string]: unknown;
}
