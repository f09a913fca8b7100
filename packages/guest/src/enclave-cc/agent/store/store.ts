/** Where an unpacked image goes. The real agent copies it into a SEFS, whose format is Occlum's own: nothing here reads or writes it. */
export interface ImageStore {
  /**
   * @param bundle folder with `rootfs` and `config.json`; stays or goes
   * @param folder `images/<container id>` below the enclave's root, with `sefs/lower` and `keys/sefs/lower`
   */
  put(bundle: string, folder: string, containerId: string): Promise<void>;
}
