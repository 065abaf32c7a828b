#!/bin/sh
# prometheus-query 3.5.1: its hook for warnings is never called, so an answer that Prometheus calls incomplete is a whole one.
#
# Expected: `warningHook` told of the warnings, as its constructor's documentation says; Prometheus' HTTP API puts them beside `data`, in the body.
# And `targets('active')` those in use alone: the API's parameter is `state`.
# Seen: it looks for them on the answer around the body, where there never are any. Where one of two stores behind Thanos is out of reach, the claims
# of the other are the claims: the graph goes down, the alarm on too many is not heard, and nothing says why. The state is sent as
# `query`, which the server does not know, and so ignores.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund prometheus-query@3.5.1 >/dev/null
cat >try.js <<'JS'
const http = require('node:http');
const {PrometheusDriver} = require('prometheus-query');

const asked = [];
const server = http.createServer((request, response) => {
  const {pathname, searchParams} = new URL(request.url, 'http://localhost');
  asked.push([...searchParams].map((one) => one.join('=')).join('&'));
  const vector = [{metric: {queue: 'mail'}, value: [1796029200, '2']}];
  const data = pathname.endsWith('targets') ? {activeTargets: [], droppedTargets: []} : {resultType: 'vector', result: vector};
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({status: 'success', data, warnings: ['one store of two did not answer']}));
});

server.listen(0, '127.0.0.1', async () => {
  const warned = [];
  const prom = new PrometheusDriver({endpoint: `http://127.0.0.1:${server.address().port}`, warningHook: (what) => warned.push(what)});
  const {result} = await prom.instantQuery('waiting');
  console.log(`${result.length} queue, ${warned.length} warnings`);
  await prom.targets('active');
  console.log(`targets('active') asks for ${asked.at(-1)}`);
  server.close();
});
JS
node try.js | tee seen
diff seen - <<'SEEN'
1 queue, 0 warnings
targets('active') asks for query=active
SEEN
echo "prometheus-query 3.5.1: as described"
