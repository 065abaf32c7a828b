"""`tsbridge encryption`: the keys that names, numbers and words of people are encrypted under, and how far a new one has got."""

from __future__ import annotations

from tsbridge.aes import Cipher
from tsbridge.cli.frame import AsJson, Failed, group, house, say
from tsbridge.doctor.encryption import in_words
from tsbridge.store import datakeys, rekeying
from tsbridge.store.datakeys import SETTING
from tsbridge.store.keyfile import UnusableKey
from tsbridge.wiring.clock_and_ids import entropy

app = group()


@app.command()
def key(as_json: AsJson = False) -> None:
    """Make a data key and print it, this once. It is kept nowhere."""
    secret = entropy(32).hex()
    lines = [f"Key {Cipher(secret).id}, for {SETTING}. Keep it apart from the database:", "", f"  {secret}"]
    say(as_json, {"id": Cipher(secret).id, "key": secret}, lines)


@app.command()
def rotate(as_json: AsJson = False) -> None:
    """Put a new key into the file beside a SQLite database. It counts from the next start; everything is rewritten under it then."""
    with house() as made:
        made.write(lambda conn: None)  # with the keys of before at hand
        try:
            id_ = made.read(lambda conn: made.database.data_keys.renew(conn, entropy(32).hex()))
        except UnusableKey as refused:
            raise Failed(f"{refused}. `tsbridge encryption key` makes one.") from None
        file = made.database.data_keys.file
    words = f"Key {id_} is the first in {file}. Start the service anew: it encrypts under it and rewrites the rest."
    say(as_json, {"id": id_, "file": str(file)}, [words])


@app.command()
def status(as_json: AsJson = False) -> None:
    """Say under which keys something may be encrypted, and how much is still to be rewritten under the newest."""
    with house() as made:
        ids, gone = made.read(lambda conn: (datakeys.on_record(conn), rekeying.progress(conn)))
    told = {"keys": ids, "done": gone.is_over(ids), "tables": rekeying.TABLES, "tables_done": gone.behind}
    say(as_json, {**told, "rewritten": gone.rewritten, "unreadable": gone.unreadable}, [in_words(ids, gone)])
