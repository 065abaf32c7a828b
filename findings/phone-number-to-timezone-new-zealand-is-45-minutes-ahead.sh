#!/bin/sh
# phone-number-to-timezone 1.0.8: New Zealand's clocks are 45 minutes fast, Saskatchewan has summer time, São Paulo is an hour behind.
#
# Expected: the time of day where a number is, by which a desk calls back when people are awake; for a country with several zones one of them that is the
# capital's or most people's.
# Seen: all of New Zealand has the clock of the Chatham Islands, half past nine at night is a quarter past ten. Area code 306, where the clock is never
# changed, is changed in summer; Brazil has the hour of its west, which its capital is not in; and summer time that ended years ago (Brazil, Mexico,
# Iran) is as it was. No error and no mark that the table is old. "There it is" comes from Node's own calendar, of the city named:
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund phone-number-to-timezone@1.0.8 >/dev/null
cat >try.js <<'JS'
const { getLocalInfo } = require('phone-number-to-timezone');
const RealDate = Date;
let now;
global.Date = class extends RealDate {
  constructor(...given) { given.length ? super(...given) : super(now); }
  static now() { return new RealDate(now).getTime(); }
};
const clock = (timeZone, moment) => new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', minute: '2-digit' }).format(new RealDate(moment));
for (const [number, city] of [
  ['+12125550132', 'America/New_York'],
  ['+13065550132', 'America/Regina'],
  ['+493055501234', 'Europe/Berlin'],
  ['+639175550142', 'Asia/Manila'],
  ['+6495550123', 'Pacific/Auckland'],
  ['+551155501234', 'America/Sao_Paulo'],
  ['+525555501234', 'America/Mexico_City'],
  ['+9821555501', 'Asia/Tehran'],
]) {
  const told = ['2026-07-15T12:00:00Z', '2026-12-15T12:00:00Z'].map((moment) => {
    now = moment;
    const [seen, there] = [getLocalInfo(number, { military: true }).time.display, clock(city, moment)];
    return seen === there ? seen : `${seen}, there it is ${there}`;
  });
  console.log(`${number} (${city}): at noon UTC in July ${told[0]}; in December ${told[1]}`);
}
JS
TZ=UTC0 node try.js | tee seen
diff seen - <<'SEEN'
+12125550132 (America/New_York): at noon UTC in July 08:00; in December 07:00
+13065550132 (America/Regina): at noon UTC in July 07:00, there it is 06:00; in December 06:00
+493055501234 (Europe/Berlin): at noon UTC in July 14:00; in December 13:00
+639175550142 (Asia/Manila): at noon UTC in July 20:00; in December 20:00
+6495550123 (Pacific/Auckland): at noon UTC in July 00:45, there it is 00:00; in December 01:45, there it is 01:00
+551155501234 (America/Sao_Paulo): at noon UTC in July 08:00, there it is 09:00; in December 09:00
+525555501234 (America/Mexico_City): at noon UTC in July 07:00, there it is 06:00; in December 06:00
+9821555501 (Asia/Tehran): at noon UTC in July 16:30, there it is 15:30; in December 15:30
SEEN
echo "phone-number-to-timezone 1.0.8: as described"
