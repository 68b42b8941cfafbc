// Records the responses of a running Node-RED: `node record.mjs URL > recorded.json`. It must be
// a fresh instance, with `runtimeState: {enabled: true}`, a `credentialSecret` and no `adminAuth`.
import { createHash } from 'node:crypto';
import requests from './requests.mjs';

const url = process.argv[2];

const sorted = value => {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.keys(value).sort().map(key => [key, sorted(value[key])]));
};

const hash = (type, text) => {
  const content = type === 'application/json' ? JSON.stringify(sorted(JSON.parse(text))) : text.trim();
  return createHash('sha256').update(content).digest('hex');
};

const recorded = [];
for (const { method = 'GET', path, headers = {}, body, as = 'same' } of requests) {
  const response = await fetch(url + path, { method, headers, body: method === 'GET' ? undefined : body });
  const type = (response.headers.get('content-type') ?? '').split(';')[0];
  const text = await response.text();
  const answer = as === 'hash' ? hash(type, text) : ['status', 'bad'].includes(as) ? '' : text;
  recorded.push({ method, path, headers, body, as, status: response.status, type, answer });
  // Node-RED responds before the new nodes have started.
  if (method !== 'GET' && response.ok) await new Promise(done => setTimeout(done, 150));
}
console.log('[\n' + recorded.map(entry => JSON.stringify(entry)).join(',\n') + '\n]');
