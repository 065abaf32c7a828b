#!/bin/sh
# python-telegram-handler 2.2.1: an alert with a < in it is refused and lost, no traceback is ever sent, and the log file beside it loses its lines.
#
# Expected: the HTML formatter, which is set by default, escapes what is logged, an exception comes with its traceback, and other handlers of the same
# logger get the record as it was.
# Seen: the text is put together before it is escaped, so "Anna <anna@example.com> waits." goes out as it is; Telegram refuses a tag that it does not know with
# 400, which is told on standard error alone. The text with the traceback is made and thrown away. The record keeps the finished and escaped text where
# its template was and its arguments as well, so the next handler puts them in once more and fails: a line with arguments is in no file.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check python-telegram-handler==2.2.1 2>/dev/null
cat >try.py <<'PY'
import io
import json
import logging
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import telegram_handler


class Telegram(BaseHTTPRequestHandler):
    shown = []

    def do_POST(self):
        text = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"]
        refused = re.search(r"<(?!/?(?:b|i|u|s|a|code|pre)>)", text)  # of the tags that its documentation has, those in use
        if not refused:
            Telegram.shown.append(text)
        body = json.dumps({"ok": False, "description": "Bad Request: can't parse entities"} if refused else {"ok": True, "result": {}}).encode()
        self.send_response(400 if refused else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Telegram)
threading.Thread(target=server.serve_forever, daemon=True).start()
handler = telegram_handler.TelegramHandler(token="token", chat_id="1")
handler.API_ENDPOINT = f"http://127.0.0.1:{server.server_port}"
handler.format_url = lambda token, method: f"{handler.API_ENDPOINT}/bot{token}/{method}"
file = io.StringIO()
logging.raiseExceptions = False  # as in production: what a handler cannot do is not printed
log = logging.Logger("desk")
log.addHandler(handler)
log.addHandler(logging.StreamHandler(file))


def divide():
    try:
        1 / 0
    except ZeroDivisionError:
        log.exception("The count failed.")


for name, say in {
    "plain": lambda: log.error("Anna waits."),
    "with an argument": lambda: log.error("Claim %s waits.", "4711"),
    "with an address": lambda: log.error("Anna <anna@example.com> waits."),
    "with an exception": divide,
}.items():
    Telegram.shown.clear()
    file.seek(file.truncate(0))
    say()
    told = Telegram.shown[0].splitlines()[2:] if Telegram.shown else "not shown"
    print(f"{name}: on the phone {told}, in the file {file.getvalue().splitlines()[:1]}, traceback {'ZeroDivisionError' in ''.join(Telegram.shown)}")
server.shutdown()
PY
env/bin/python try.py 2>/dev/null | tee seen
diff seen - <<'SEEN'
plain: on the phone ['Anna waits.'], in the file ['Anna waits.'], traceback False
with an argument: on the phone ['Claim 4711 waits.'], in the file [], traceback False
with an address: on the phone not shown, in the file ['Anna &lt;anna@example.com&gt; waits.'], traceback False
with an exception: on the phone ['The count failed.'], in the file ['The count failed.'], traceback False
SEEN
echo "python-telegram-handler 2.2.1: as described"
