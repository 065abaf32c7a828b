#!/bin/sh
# logging-slackhandler 2.5.0: an alert with a quote, a line break or a traceback is not sent and the call of the log raises in the work that called it.
#
# Expected: what is logged arrives whatever its text, and what a handler cannot do never ends the work that logs, as Python's logging has it.
# Seen: the text is put into JSON that is finished already and that is read again. A quote or a line break makes it unreadable, so log.exception() can never work,
# and the failure is not handed to handleError: the loop over the claims ends at the first one whose caller is quoted. A backslash is read
# as an escape: \t becomes a tab and the path is another. slack-log-handler 0.3.0 beside it sends all as they are.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check logging-slackhandler==2.5.0 slack-log-handler==0.3.0 2>/dev/null
cat >try.py <<'PY'
import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import slack_log_handler
import SlackLogger


class Slack(BaseHTTPRequestHandler):
    shown = []

    def do_POST(self):
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        Slack.shown.append(message.get("text") or message["attachments"][0]["text"])
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *args):
        pass


def count(log):
    try:
        1 / 0
    except ZeroDivisionError:
        log.exception("The count failed.")


CLAIMS = {
    "plain": lambda log: log.error("Claim %s waits.", "4711"),
    "a quote": lambda log: log.error('Anna says "help me".'),
    "two lines": lambda log: log.error("Claim 4711\nwaits."),
    "a path": lambda log: log.error(r"Call in D:\today.wav"),
    "a traceback": count,
}
server = ThreadingHTTPServer(("127.0.0.1", 0), Slack)
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f"http://127.0.0.1:{server.server_port}/"
first = SlackLogger.SlackHandler(address)
second = slack_log_handler.SlackLogHandler(address, format="%(message)s")
for handler in first, second:
    log = logging.Logger("desk")
    log.addHandler(handler)
    print(type(handler).__name__)
    for name, say in CLAIMS.items():
        Slack.shown.clear()
        raised = "nothing"
        try:
            say(log)
        except ValueError as error:
            raised = type(error).__name__
        first.workers.wait_completion()
        print(f"  {name}: raised {raised}, shown {[text.splitlines()[0] + (' ...' if len(text.splitlines()) > 1 else '') for text in Slack.shown]}")
server.shutdown()
PY
env/bin/python try.py 2>/dev/null | tee seen
diff seen - <<'SEEN'
SlackHandler
  plain: raised nothing, shown ['Claim 4711 waits.']
  a quote: raised JSONDecodeError, shown []
  two lines: raised JSONDecodeError, shown []
  a path: raised nothing, shown ['Call in D:\today.wav']
  a traceback: raised JSONDecodeError, shown []
SlackLogHandler
  plain: raised nothing, shown ['Claim 4711 waits.']
  a quote: raised nothing, shown ['Anna says "help me".']
  two lines: raised nothing, shown ['Claim 4711 ...']
  a path: raised nothing, shown ['Call in D:\\today.wav']
  a traceback: raised nothing, shown ['The count failed. ...']
SEEN
echo "logging-slackhandler 2.5.0: as described"
