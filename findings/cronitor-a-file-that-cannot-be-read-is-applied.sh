#!/bin/sh
# cronitor 2.6.1 (the official JavaScript client): monitors in a file that cannot be read are "applied successfully", and a wrapped job never fails.
#
# Expected: applyConfig and validateConfig give false for a file that is missing or is no YAML (both have a branch for it), and wrap() passes on what the
# job throws, as the official Python client does.
# Seen: reading swallows its own error and answers false, which is then sent as a file with nothing in it; where that is answered with 200, the client
# says that the monitors are applied. A pipeline that validates the file before a release is content with one that has a slip in it, and the
# import whose heartbeat was to be watched is watched by nobody. And a job inside wrap() that throws resolves like one that did its work, so that
# what waits for it goes on.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund cronitor@2.6.1 >/dev/null
cat >good.yaml <<'YAML'
heartbeats:
  import: {schedules: ["every 5 minutes"]}
YAML
cat >slip.yaml <<'YAML'
heartbeats:
  import: {schedules: ["every 5 minutes"}
YAML
cat >try.js <<'JS'
const cronitor = require('cronitor')('key');

const sent = [];
cronitor._api.axios.defaults.adapter = async (config) => {
  sent.push(config.method === 'put' ? config.data : `state=${/state=(\w+)/.exec(cronitor._api.axios.getUri(config))[1]}`);
  return {status: 200, statusText: 'OK', headers: {}, config, data: config.data};
};
console.error = () => {};
console.log = () => {};
(async () => {
  for (const path of ['good.yaml', 'slip.yaml', 'missing.yaml'])
    for (const what of ['validateConfig', 'applyConfig']) {
      const said = await cronitor[what]({path});
      console.info(`${what} of ${path}: ${said}, sent ${JSON.stringify(sent.pop())}`);
    }
  const job = cronitor.wrap('import', () => {
    throw new Error('no connection');
  });
  console.info(`a job that throws: ${await job().then(() => 'resolved', () => 'rejected')}, sent ${sent.join(', ')}`);
})();
JS
node try.js | tee seen
diff seen - <<'SEEN'
validateConfig of good.yaml: true, sent "heartbeats:\n  import:\n    schedules:\n      - every 5 minutes\nrollback: true\n"
applyConfig of good.yaml: true, sent "heartbeats:\n  import:\n    schedules:\n      - every 5 minutes\nrollback: false\n"
validateConfig of slip.yaml: true, sent "rollback: true\n"
applyConfig of slip.yaml: true, sent "rollback: false\n"
validateConfig of missing.yaml: true, sent "rollback: true\n"
applyConfig of missing.yaml: true, sent "rollback: false\n"
a job that throws: resolved, sent state=run, state=fail
SEEN
echo "cronitor 2.6.1: as described"
