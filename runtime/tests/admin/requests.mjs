// The requests of the recorded table, in order, starting with empty flows. Status and media type
// of the responses must be equal; `as` says how their bodies are compared: `same` (the default,
// JSON member by member), `hash` (the same, for long bodies), `shape` (all of their members, with
// the same types), `within` (all of our items are in theirs), `code` (the code of the error),
// `bad` (an error of the same form, with another text), `status` (not compared).
const json = { 'Content-Type': 'application/json' };
const v2 = { ...json, 'Node-RED-API-Version': 'v2' };
const form = { 'Content-Type': 'application/x-www-form-urlencoded' };
const list = { Accept: 'application/json' };

const tab = { id: 't1', type: 'tab', label: 'T', unknown: { b: 1, a: [1.5, -0, 1e21, null] } };
const inject = { id: 'i1', type: 'inject', z: 't1', name: '', props: [{ p: 'payload' }], repeat: '', payload: 'x', payloadType: 'str', x: 1, y: 1, wires: [['d1']] };
const debug = { id: 'd1', type: 'debug', z: 't1', active: true, tosidebar: true, complete: 'payload', x: 2, y: 2, wires: [] };
const tls = { id: 'c1', type: 'tls-config', name: 'x' };
const flows = [tab, inject, debug, tls];
const deploy = (flows, more = {}, headers = {}) => ({ method: 'POST', path: '/flows', headers: { ...v2, ...headers }, body: JSON.stringify({ flows, ...more }) });
const post = (path, body, headers = json) => ({ method: 'POST', path, headers, body: typeof body === 'string' ? body : JSON.stringify(body) });

export default [
  { path: '/flows', headers: v2 },
  { path: '/flows' },
  { path: '/FLOWS/' },
  { path: '/flows', headers: { 'Node-RED-API-Version': 'v3' } },
  { method: 'POST', path: '/flows', headers: { ...json, 'Node-RED-API-Version': 'v3' }, body: '[]' },
  // Invalid input does not change the flows.
  post('/flows', '{bad', v2), post('/flows', '"x"', v2), post('/flows', '[{"id":', v2),
  post('/flows', { flows: { a: 1 } }, v2), post('/flows', {}, v2), post('/flows', '[]', v2), post('/flows', {}),
  deploy([null]), deploy([], { rev: 'x' }), post('/flows', '', v2),
  { method: 'POST', path: '/flows', headers: { 'Content-Type': 'text/plain', 'Node-RED-API-Version': 'v2' }, body: '[]' },
  { path: '/flows', headers: v2 },
].map(r => ((r.method === 'POST') ? { ...r, as: r.as ?? (r.body?.includes('"rev"') || /v3/.test(JSON.stringify(r.headers)) ? 'same' : 'bad') } : r)).concat([
  deploy(flows),
  { path: '/flows', headers: v2 },
  { path: '/flows' },
  deploy(flows, {}, { 'Node-RED-Deployment-Type': 'bogus' }),
  deploy([...flows, { ...debug, id: 'd2', d: true }], {}, { 'Node-RED-Deployment-Type': 'nodes' }),
  deploy(flows, {}, { 'Node-RED-Deployment-Type': 'flows' }),
  { method: 'POST', path: '/flows', headers: { 'Node-RED-API-Version': 'v2', 'Node-RED-Deployment-Type': 'reload' } },
  { method: 'POST', path: '/flows', headers: { 'Node-RED-Deployment-Type': 'reload' } },
  { method: 'POST', path: '/flows', headers: json, body: JSON.stringify(flows) },
  // An unknown type is saved, and no flow runs until it is removed.
  deploy([...flows, { id: 'u1', type: 'nobody knows', z: 't1', strange: [1], x: 1, y: 1, wires: [[]] }]),
  { path: '/flows', headers: v2 }, { path: '/flows/state' },
  deploy(flows),
  // Buttons.
  post('/inject/i1', {}), post('/inject/i1', '', {}), post('/inject/i1', '[1]'),
  post('/inject/i1', { __user_inject_props__: [{ p: 'payload', v: '1', vt: 'num' }], extra: 1 }),
  post('/inject/nope', {}), post('/inject/t1', {}), { ...post('/inject/i1', '{bad'), as: 'bad' },
  post('/debug/d1/enable', '', {}), post('/debug/d1/disable', '', {}), post('/debug/d1/foo', '', {}), post('/debug/nope/enable', '', {}),
  post('/debug/enable', 'nodes%5B%5D=d1&nodes%5B%5D=x', form), post('/debug/disable', 'nodes[]=d1', form),
  post('/debug/enable', 'x=1', form), post('/debug/foo', 'nodes[]=d1', form), post('/debug/disable', { nodes: ['d1'] }),
  // One flow.
  { path: '/flow/t1' }, { path: '/flow/nope' }, { path: '/flow/c1' },
  post('/flow', {}), post('/flow', { label: 'x', nodes: [{ id: 'd1', type: 'debug' }] }), post('/flow', { label: 'x', nodes: [{ id: 'd9', type: 'tab' }] }),
  { ...post('/flow', { label: 'x', nodes: [{ id: 'd9', type: 'debug', x: 1, y: 1, wires: [] }], info: 'i' }), as: 'shape' },
  { method: 'DELETE', path: '/flow/nope' }, { method: 'DELETE', path: '/flow/global' },
  { method: 'PUT', path: '/flow/nope', headers: json, body: '{"nodes":[]}' },
  { method: 'PUT', path: '/flow/t1', headers: json, body: JSON.stringify({ id: 't1', label: 'changed', disabled: false, env: [], nodes: [debug] }) },
  { path: '/flow/t1' },
  { method: 'DELETE', path: '/flow/t1' }, { path: '/flow/t1' },
  { method: 'PUT', path: '/flow/global', headers: json, body: JSON.stringify({ configs: [{ id: 'c2', type: 'tls-config', name: 'y' }] }) },
  deploy(flows),
  // State.
  { path: '/flows/state' }, { ...post('/flows/state', 'state=foo', form), as: 'code' }, post('/flows/state', 'state=stop', form),
  { path: '/flows/state' }, post('/inject/i1', {}), deploy(flows), post('/inject/i1', {}), post('/flows/state', { state: 'start' }), post('/inject/i1', {}),
  // Credentials.
  { path: '/credentials/tls-config/c1' }, { path: '/credentials/x/y' },
  deploy([tab, inject, debug, { ...tls, credentials: { certdata: 'CERT', passphrase: 'pw', undeclared: 'x' } }]),
  { path: '/credentials/tls-config/c1' }, { path: '/flows', headers: v2 },
  deploy([tab, inject, debug, { ...tls, credentials: { passphrase: '__PWRD__', keydata: 'KEY', certdata: ' ' } }]),
  { path: '/credentials/tls-config/c1' },
  deploy([tab, inject, debug, { ...tls, credentials: { passphrase: '' } }]), { path: '/credentials/tls-config/c1' },
  deploy([tab, inject, debug]), deploy(flows), { path: '/credentials/tls-config/c1' },
  // The palette.
  { path: '/nodes', headers: list, as: 'within' }, { path: '/nodes', as: 'status' }, { path: '/nodes/', headers: list, as: 'within' },
  { path: '/nodes/node-red/websocket', headers: list }, { path: '/nodes/node-red/switch', headers: { Accept: 'text/html', 'Accept-Language': 'fr' }, as: 'hash' }, { path: '/nodes/node-red/tls', headers: { Accept: 'text/html' }, as: 'hash' },
  { path: '/nodes/node-red', headers: list, as: 'status' }, { path: '/nodes/nope' }, { path: '/nodes/node-red/nope' },
  { method: 'PUT', path: '/nodes/node-red/websocket', headers: json, body: '{}' }, { method: 'PUT', path: '/nodes/nope', headers: json, body: '{"enabled":true}' },
  post('/nodes', {}), { method: 'DELETE', path: '/nodes/nope' }, { path: '/nodes/messages', as: 'shape' }, { path: '/nodes/messages?lng=fr', as: 'shape' },
  { path: '/plugins', headers: list }, { path: '/plugins' }, { path: '/plugins/messages?lng=en-US' },
  { path: '/icons', as: 'hash' }, { path: '/icons/node-red/inject.svg' }, { path: '/icons/node-red/nope.svg' }, { path: '/icons/node-red/..%2f..%2fx' },
  { path: '/locales/editor?lng=en-US', as: 'hash' }, { path: '/locales/editor?lng=de-AT', as: 'status' }, { path: '/locales/node-red?lng=en-US', as: 'hash' }, { path: '/locales/jsonata', as: 'hash' }, { path: '/locales/editor?lng=xx' }, { path: '/locales/nobody' }, { path: '/locales/editor.json?lng=en-US', as: 'hash' },
  // Context.
  { path: '/context/global' }, { path: '/context/global/a' }, { path: '/context/global/?store=memory&keysOnly' }, { path: '/context/global/a?store=nope' },
  { path: '/context/flow/nope' }, { path: '/context/flow/t1' }, { path: '/context/node/nope' }, { path: '/context/node/d1', as: 'status' }, { path: '/context/foo' },
  { method: 'DELETE', path: '/context/global/a' }, { method: 'DELETE', path: '/context/global' }, { path: '/context/global/a?store=memory&keysOnly' },
  // The library.
  { path: '/library/local/flows/' }, { path: '/library/local/flows' }, { path: '/library/nope/flows/' }, { path: '/library/local/flows/a/b', as: 'code' },
  post('/library/local/flows/dir/one', [{ id: 'x' }]), { path: '/library/local/flows/' }, { path: '/library/local/flows/dir/' }, { path: '/library/local/flows/dir/one', as: 'same' }, { path: '/library/local/flows/dir/one.json', as: 'same' },
  post('/library/local/functions/f1.js', { text: 'return msg', name: 'f', outputs: '1' }), { path: '/library/local/functions/' }, { path: '/library/local/functions/f1.js', as: 'same' },
  { path: '/library/local/flows/..%5c..%5cx', as: 'status' }, { path: '/library/local/flows/nodir/' }, post('/library/local/functions/sub/f2.js', { x: 1 }), { ...post('/library/local/flows/bad', '{bad'), as: 'bad' },
  // Settings and the rest.
  { path: '/settings/user' }, post('/settings/user', { a: { b: 1, c: [2] }, d: null }), { path: '/settings/user' },
  post('/settings/user', { a: { b: null }, telemetryEnabled: true }), { path: '/settings/user' },
  { path: '/settings', as: 'shape' }, { path: '/theme', as: 'shape' }, { path: '/diagnostics', as: 'status' },
  { path: '/red/keymap.json', as: 'hash' }, { path: '/red/nope.js' }, { path: '/nothere' }, { path: '/comms' }, { method: 'OPTIONS', path: '/flows' }, { path: '/auth/login' },
  { path: '/debug/view/debug-utils.js', as: 'hash' }, { path: '/debug/view/nope.js', as: 'status' }, { path: '/', as: 'status' }, { path: '/favicon.ico', as: 'status' },
]);
