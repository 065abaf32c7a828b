#!/bin/sh
# kaplanmeier 0.2.0: the band around a curve that is asked for with 0.05 is the interval of five per cent, not of ninety-five.
#
# Expected: cii_alpha=0.05, the default, is the chance of error, as alpha is in lifelines, which draws the curve and has 0.05 for 95 per cent.
# Seen: it hands on 1 - cii_alpha, so the band holds the truth once in twenty times. Of two teams with a hundred waits each it is a twentieth as wide as it should
# be, and any two curves stand clear of each other: a team is called slower on no evidence. Asked for 0.95 the band is the one of 95 per cent. The
# number of the log-rank test in the title does not depend on it. The width is read off the picture:
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check kaplanmeier==0.2.0 lifelines==0.30.3 matplotlib==3.10.3 numpy==2.2.6 pandas==2.3.3 2>/dev/null
cat >try.py <<'PY'
import matplotlib

matplotlib.use("Agg")
import kaplanmeier
import numpy
from lifelines import KaplanMeierFitter

chance = numpy.random.default_rng(1)
hours = numpy.round(chance.exponential(10, 200), 2)
answered = (hours < 20).astype(int)  # the others still wait
team = numpy.array(["day", "night"] * 100)
found = kaplanmeier.fit(hours, answered, team)


def width(band, hour):
    points = band.get_paths()[0].vertices
    before = points[points[:, 0] <= hour]
    heights = before[before[:, 0] == before[:, 0].max()][:, 1]
    return heights.max() - heights.min()


for asked in ({}, {"cii_alpha": 0.05}, {"cii_alpha": 0.95}):
    figure, axes = kaplanmeier.plot(found, visible=False, **asked)
    band = next(drawn for drawn in axes.collections if "FillBetween" in type(drawn).__name__ or "PolyCollection" in type(drawn).__name__)
    print(f"drawn with {asked or 'nothing said'}: {width(band, 8):.3f} wide at eight hours")
day = team == "day"
for level in (0.05, 0.95):
    ends = KaplanMeierFitter().fit(hours[day], answered[day], alpha=1 - level).confidence_interval_.loc[:8].iloc[-1]
    print(f"the interval of {level:.0%} by lifelines: {ends.max() - ends.min():.3f}")
PY
env/bin/python try.py 2>/dev/null | tee seen
diff seen - <<'SEEN'
drawn with nothing said: 0.016 wide at eight hours
drawn with {'cii_alpha': 0.05}: 0.016 wide at eight hours
drawn with {'cii_alpha': 0.95}: 0.203 wide at eight hours
the interval of 5% by lifelines: 0.006
the interval of 95% by lifelines: 0.193
SEEN
echo "kaplanmeier 0.2.0: as described"
