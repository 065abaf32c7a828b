#!/bin/sh
# date-holidays 3.37.0: Green Monday, a public holiday, is a Tuesday in Cyprus, and the New Year of Korea begins a day late.
#
# Expected: Green Monday on the Monday 48 days before Orthodox Easter, as the same library has it for Greece; Seollal on the day before the
# lunar New Year, that day and the one after it (Korea's regulation on the holidays of public offices, article 2), as it has Chuseok.
# Seen: of Cyprus the Monday is an observance, which is a working day, and the Tuesday behind it is public, each year. Of Seollal the days are
# the New Year and the two after it: the eve, on which Korea has left for home, is a working day, and the first day back is not. A rota made of
# it has a full shift when the office is shut and nobody when it is open again. Where a weekend hides it (2027 in Korea) all is right.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund date-holidays@3.37.0 >/dev/null
cat >try.js <<'JS'
const Holidays = require('date-holidays');

const weekday = new Intl.DateTimeFormat('en', {weekday: 'short', timeZone: 'UTC'});

function shut(country, zone, from, to) {
  const holidays = new Holidays(country);
  const days = [];
  for (let day = new Date(from); day <= new Date(to); day = new Date(+day + 864e5)) {
    const date = day.toISOString().slice(0, 10);
    const found = holidays.isHoliday(new Date(`${date}T12:00${zone}`)) || [];
    if (found.some(({type}) => type === 'public')) days.push(`${weekday.format(day)} ${date}`);
  }
  console.log(`${country}, ${from} to ${to}: ${days.join(', ')}`);
}

for (const [from, to] of [['2026-02-20', '2026-02-27'], ['2027-03-12', '2027-03-19'], ['2028-02-25', '2028-03-03']]) {
  shut('GR', '+02:00', from, to);
  shut('CY', '+02:00', from, to);
}
shut('KR', '+09:00', '2026-02-13', '2026-02-21'); // the lunar New Year is February 17th
shut('KR', '+09:00', '2028-01-24', '2028-01-31'); // January 27th
shut('KR', '+09:00', '2026-09-21', '2026-09-28'); // Chuseok is September 25th
JS
node try.js | tee seen
diff seen - <<'SEEN'
GR, 2026-02-20 to 2026-02-27: Mon 2026-02-23
CY, 2026-02-20 to 2026-02-27: Tue 2026-02-24
GR, 2027-03-12 to 2027-03-19: Mon 2027-03-15
CY, 2027-03-12 to 2027-03-19: Tue 2027-03-16
GR, 2028-02-25 to 2028-03-03: Mon 2028-02-28
CY, 2028-02-25 to 2028-03-03: Tue 2028-02-29
KR, 2026-02-13 to 2026-02-21: Tue 2026-02-17, Wed 2026-02-18, Thu 2026-02-19
KR, 2028-01-24 to 2028-01-31: Thu 2028-01-27, Fri 2028-01-28, Sat 2028-01-29
KR, 2026-09-21 to 2026-09-28: Thu 2026-09-24, Fri 2026-09-25, Sat 2026-09-26
SEEN
echo "date-holidays 3.37.0: as described"
