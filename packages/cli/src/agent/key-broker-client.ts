import { randomBytes } from 'node:crypto';
import { readFile, unlink } from 'node:fs/promises';
import { type Kbc, OfflineFsKbc, OfflineSevKbc, OnlineSevKbc, SampleKbc, type SecretFiles } from '@assay/guest';
import { ConfigError, type DataHubConfig, httpTransport, readKbsToken, TokenKbc } from '@assay/guest/services';

const random = (length: number): Uint8Array => randomBytes(length);

/**
 * The key broker client that the configuration names.
 *
 * @param kbsToken token of type `kbs` of the Attestation Agent, for `cc_kbc`
 * @throws ConfigError
 */
export async function keyBrokerClient(
  { kbc, kbsCert }: Pick<DataHubConfig, 'kbc' | 'kbsCert'>,
  kbsToken: () => Promise<Uint8Array>,
): Promise<Kbc> {
  switch (kbc.name) {
    case 'cc_kbc': {
      if (!/^https?:\/\//.test(kbc.uri) || !URL.canParse(kbc.uri))
        throw new ConfigError('kbc.url must be the http or https URL of the key broker');
      return new TokenKbc({
        transport: httpTransport({ url: kbc.uri, ...(kbsCert === undefined ? {} : { ca: kbsCert }) }),
        credential: async () => readKbsToken(await kbsToken()),
        random,
        now: () => new Date(),
      });
    }
    case 'offline_fs_kbc':
      return new OfflineFsKbc({ files, extraFiles: extraFilesOf(process.env) });
    case 'offline_sev_kbc':
      return new OfflineSevKbc({ files });
    case 'online_sev_kbc': {
      if (!/^[^\s/]+:\d{1,5}$/.test(kbc.uri)) throw new ConfigError('kbc.url must be HOST:PORT of the key broker');
      // Loaded only here: it brings gRPC.
      const { sevClient } = await import('../client/sev.js');
      return new OnlineSevKbc({ files, random, transport: sevClient(kbc.uri, kbsCert).getOnlineSecret });
    }
    case 'sample_kbc':
      return new SampleKbc();
    default:
      throw new ConfigError(
        'kbc.name: there are key broker clients cc_kbc, offline_fs_kbc, offline_sev_kbc, online_sev_kbc and sample_kbc',
      );
  }
}

/** `OFFLINE_FS_KBC_EXTRA_FILE_PATH`: files beside the usual ones, split by commas. */
function extraFilesOf(env: Readonly<Record<string, string | undefined>>): readonly string[] {
  return (env['OFFLINE_FS_KBC_EXTRA_FILE_PATH'] ?? '').split(',').filter((path) => path !== '');
}

const files: SecretFiles = {
  read: (path) =>
    readFile(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    }),
  remove: (path) => unlink(path),
};
