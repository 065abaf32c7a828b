#!/bin/sh
# helpscout-2.0 1.1.5: when the last page has emptied while a list was read, the whole list is empty; and a second account reads the first one's.
#
# Expected: list() brings every record of a query; conversations that were closed meanwhile leave fewer, not none. A client made with the credentials of
# another account is that account's.
# Seen: pages are gathered one by one, each a fifth of a second after the other at least, and a page without records ends the list with [] instead of what was
# gathered. Open conversations are closed at any time, so a list of 52 that becomes 50 is none: nobody waits. And the token is kept beside the clients, not in
# them: whoever was first is everybody, for two days, and the desk of the second reads and answers the first one's customers.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund helpscout-2.0@1.1.5 request@2.88.2 >/dev/null
cat >try.js <<'JS'
const http = require('http');
const request = require('request');

const open = {};
let closing = 0;
const server = http.createServer((asked, response) => {
  const url = new URL(asked.url, 'http://127.0.0.1');
  asked.resume();
  if (asked.method === 'POST') return response.end(JSON.stringify({ access_token: url.searchParams.get('client_id'), expires_in: 172800 }));
  const account = asked.headers.authorization.split(' ')[1];
  const number = Number(url.searchParams.get('page'));
  const totalPages = Math.ceil(open[account].length / 25);
  const conversations = open[account].slice(25 * (number - 1), 25 * number);
  if (number === 2) open[account].splice(-closing, closing); // the newest are closed before page 3 is asked for
  return response.end(JSON.stringify({ ...(conversations.length && { _embedded: { conversations } }), page: { size: 25, totalPages, number } }));
});

server.listen(0, '127.0.0.1', async () => {
  const there = `http://127.0.0.1:${server.address().port}`;
  const used = require.resolve('request', { paths: [require.resolve('helpscout-2.0')] });
  require.cache[used].exports = (options, done) => request({ ...options, url: `${there}${new URL(options.url).pathname}${new URL(options.url).search}` }, done);
  const HelpScout = require('helpscout-2.0');
  const dogs = new HelpScout({ clientId: 'dogs', clientSecret: 'x' });
  for (closing of [0, 1, 2]) {
    open.dogs = Array.from({ length: 52 }, (_, n) => ({ id: n, subject: 'a dog' }));
    const found = await dogs.list('conversations', 'status=active');
    console.log(`52 open, ${closing} closed meanwhile: ${found.length}`);
  }
  open.cats = [{ id: 1, subject: 'a cat' }];
  const cats = new HelpScout({ clientId: 'cats', clientSecret: 'y' });
  const [first] = await cats.list('conversations', 'status=active');
  console.log(`the first conversation of the account of cats: ${first.subject}`);
  server.close();
  process.exit(0);
});
JS
node --no-deprecation try.js | tee seen
diff seen - <<'SEEN'
52 open, 0 closed meanwhile: 52
52 open, 1 closed meanwhile: 51
52 open, 2 closed meanwhile: 0
the first conversation of the account of cats: a dog
SEEN
echo "helpscout-2.0 1.1.5: as described"
