#!/bin/sh
# freshdesk-api 3.1.0: contacts are not found by a number or an address with a plus in it, and a callback that throws is told that its request failed.
#
# Expected: filterContacts() encodes the query it is given, as it does with spaces and quotes; Freshdesk has it decoded as any form is, where a plus is
# a space. A callback is called once.
# Seen: encodeURI() leaves +, & and # as they are. Every phone number that is written with its country, and every address with a tag, is asked for with a space and
# finds nobody, so whoever makes a contact of an unknown caller has each of them anew; a company's & ends the query, and what is asked is
# another question. And what a callback throws comes back to it as the error of the request: a ticket that was created is told of twice, once
# as created and once as failed, and whoever tries again on errors creates it again.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund freshdesk-api@3.1.0 >/dev/null
cat >try.js <<'JS'
const http = require('http');
const Freshdesk = require('freshdesk-api');

const contacts = [
  { id: 1, name: 'Anna', phone: '+4930555014', email: 'anna+dogs@example.com' },
  { id: 2, name: 'Ben', phone: '030 555 015', email: 'ben@example.com' },
];
const companies = [{ id: 1, name: 'Cats & Dogs' }, { id: 2, name: 'Walkies' }];
let tickets = 0;

const server = http.createServer((request, response) => {
  const url = new URL(request.url, 'http://127.0.0.1');
  const asked = /^"(\w+):'(.*)'"$/.exec(url.searchParams.get('query') ?? '');
  let [status, body] = [200, {}];
  if (request.method === 'POST') [status, body] = [201, { id: ++tickets }];
  else if (!asked) [status, body] = [400, { description: 'Validation failed', errors: [{ message: 'invalid query' }] }];
  else {
    const all = url.pathname.endsWith('companies') ? companies : contacts;
    const results = all.filter((one) => one[asked[1]] === asked[2]);
    body = { total: results.length, results };
  }
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
});

server.listen(0, '127.0.0.1', async () => {
  const desk = new Freshdesk(`http://127.0.0.1:${server.address().port}`, 'key');
  for (const [call, query] of [
    ['filterContacts', "email:'ben@example.com'"],
    ['filterContacts', "phone:'030 555 015'"],
    ['filterContacts', "phone:'+4930555014'"],
    ['filterContacts', "email:'anna+dogs@example.com'"],
    ['filterCompanies', "name:'Walkies'"],
    ['filterCompanies', "name:'Cats & Dogs'"],
  ]) {
    const found = await new Promise((done) => desk[call](query, (error, data) => done(error ? `error ${error.status}` : `${data.total} found`)));
    console.log(`${query}: ${found}`);
  }
  const told = [];
  await new Promise((done) => desk.createTicket({ subject: 'a bite' }, (error, ticket) => {
    told.push(error ? `failed (${error.message})` : `created ${ticket.id}`);
    if (!error) throw new Error('no room in the log');
    done();
  }));
  console.log(`one createTicket: ${told.join(', then ')}; tickets there: ${tickets}`);
  server.close();
  process.exit(0);
});
JS
node try.js | tee seen
diff seen - <<'SEEN'
email:'ben@example.com': 1 found
phone:'030 555 015': 1 found
phone:'+4930555014': 0 found
email:'anna+dogs@example.com': 0 found
name:'Walkies': 1 found
name:'Cats & Dogs': error 400
one createTicket: created 1, then failed (no room in the log); tickets there: 1
SEEN
echo "freshdesk-api 3.1.0: as described"
