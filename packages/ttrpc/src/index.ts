export { TtrpcClient, type TtrpcClientOptions } from './client.js';
export { type CallContext, serveTtrpc, type TtrpcServer, type TtrpcServerOptions } from './server.js';
export { STATUS, StatusError } from './status.js';
export { callTtrpc, type Implementation, ttrpcService } from './typed.js';
