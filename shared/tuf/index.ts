export { updateTrustState } from './client.ts';
export { type OpenedTrust, openTrustState, type TrustState } from './state.ts';
