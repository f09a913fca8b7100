import { assayError } from '@assay/bytes/findings';
import { parseResourceName, withRepository } from '../resources/name.js';
import type { ResourceService } from '../resources/service.js';
import type { Plugin, PluginAnswer, PluginCaller, PluginRequest } from './plugin.js';

/** Secrets by name: administrators write and delete, attested guests read, encrypted to their key. */
export function resourcePlugin(resources: ResourceService): Plugin {
  return {
    name: 'resource',
    wholePath: withRepository,
    requiresAdmin: ({ method }) => method === 'POST' || method === 'DELETE',
    encrypted: ({ method }) => method === 'GET',
    handle: (request, caller) => handle(resources, request, caller),
  };
}

async function handle(resources: ResourceService, request: PluginRequest, caller: PluginCaller): Promise<PluginAnswer> {
  const { method, path, body } = request;
  const name = parseResourceName(path);
  if (caller.kind === 'admin') {
    if (method === 'POST') await resources.set(name.path, body, caller.principal);
    else await resources.delete(name.path, caller.principal);
    return { body: new Uint8Array() };
  }
  if (method !== 'GET') {
    throw assayError('request.path.known', { params: { method, path: `resource/${name.path}` }, subject: 'resource' });
  }
  const { secret, version } = await resources.read(name);
  return { body: secret, version, secret: name.path };
}
