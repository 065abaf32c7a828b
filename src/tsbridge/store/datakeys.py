"""The data keys of a database: where they come from, and that none is missing that something in it is encrypted under.

Given by a setting, the one that encrypts first; on SQLite also from a file beside the database, which is made when nothing is encrypted
yet. On PostgreSQL without the setting nothing is encrypted. The database says which keys it was encrypted under, by their ids; it holds
no key but the one that addresses and numbers are found by, encrypted under the newest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import URL, Connection, inspect, text

from tsbridge.aes import Cipher
from tsbridge.store import identities, keyfile, stored_values
from tsbridge.store.keyfile import UnusableKey
from tsbridge.store.service_tables import kept
from tsbridge.store.vault import Vault

T = TypeVar("T")

SETTING: Final = "TSBRIDGE_DATA_KEY"
NAME: Final = "data_keys"
INDEX: Final = "index"
PLACE: Final = "data_keys.index"
"""What the key that identities are found by is kept under, and encrypted for. It is made of the first data key and stays when that goes."""
PLAIN: Final = "plain"
"""Says that identities stand as they are, since a build of before was to read them."""
SINCE: Final = "0049"
"""The first schema whose builds read what is encrypted."""
WHAT: Final = "the key that personal values of this database are encrypted under"


class DataKeys:
    """Opens the vault of one database before anything is done in it."""

    def __init__(self, given: Sequence[str], url: URL) -> None:
        self._given = tuple(given)
        self._url = url
        self.vault = Vault(raw=url.get_backend_name() == "sqlite", more=lambda: self._of_file(make=False))
        self.settled = False

    @property
    def file(self) -> Path | None:
        """The file that a key may lie in; None on PostgreSQL."""
        return Path(f"{self._url.database}.data-key") if self._url.get_backend_name() == "sqlite" else None

    def before(self, work: Callable[[Connection], T]) -> Callable[[Connection], T]:
        """Work that reads, once the keys are at hand."""

        def prepared(conn: Connection) -> T:
            if not self.settled:
                self.settle(conn, write=False)
            return work(conn)

        return work if self.settled else prepared

    def settle(self, conn: Connection, *, write: bool) -> bool:
        """Have the keys at hand, all that the database asks for. Raises UnusableKey. False of a database without tables, which asks for
        none, and of one that builds of before may go on with: nothing is encrypted there until it is migrated.

        Only a writer makes the file, and puts on record under which key it encrypts: that has to be committed before anything that is
        encrypted, and then it is settled.
        """
        if not inspect(conn).has_table(kept.name):
            return False
        told = stored_values.get(conn, NAME) or {}
        known = list(told.get("ids", []))
        self.vault.fill([*self._given, *self._of_file(make=write and not known and not self._given)])
        if missing := [id_ for id_ in known if id_ not in self.vault.ids]:
            raise UnusableKey(self._missing(missing))
        if INDEX in told:
            self.vault.find_by(_index(told, self.vault))
        if write and (newest := self.vault.newest) is not None and (known[-1:] != [newest.id] or told.get(PLAIN, True)):
            if (_revision(conn) or "") < SINCE:
                return False
            told = stored_values.lock(conn, NAME, {})  # others may start at the same time
            secret = _index(told, self.vault) if INDEX in told else newest.derived(b"index")
            self.vault.find_by(secret)
            if told.get(PLAIN, True):
                identities.encrypt_all(conn, self.vault)
            ids = [*(id_ for id_ in told.get("ids", []) if id_ != newest.id), newest.id]
            stored_values.put(conn, NAME, {"ids": ids, INDEX: self.vault.wrap(PLACE, secret.hex()), PLAIN: False})
        return write

    def renew(self, conn: Connection, secret: str) -> str:
        """Put a new key first in the file; of those in it the ones that something may be encrypted under stay. Returns its id.

        Raises UnusableKey where there is no file to put it in, OSError where it cannot be written. It counts from the next start on.
        """
        file = self.file
        if self._given or file is None:
            raise UnusableKey(f"the data key is in {SETTING}: put the new one there, before the old one and a comma")
        known = on_record(conn)
        before = [key for key in self._of_file(make=False) if Cipher(key).id in known]
        keyfile.replace(file, [secret, *before])
        return Cipher(secret).id

    def _of_file(self, *, make: bool) -> list[str]:
        file = self.file
        if file is None or not (make or file.exists()):
            return []
        return keyfile.all_or_make(file, WHAT)

    def _missing(self, ids: Sequence[str]) -> str:
        lies = f" or in {self.file}" if self.file is not None else ""
        return (
            f"this database is encrypted under the data key{'s' if len(ids) > 1 else ''} {', '.join(ids)}, "
            f"which is not in {SETTING}{lies}: bring it back, what was encrypted under it cannot be read without it"
        )


def _revision(conn: Connection) -> str | None:
    found: str | None = conn.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def _index(told: Mapping[str, Any], vault: Vault) -> bytes:
    """The key that identities are found by, as it is on record. Raises UnusableKey."""
    try:
        return bytes.fromhex(vault.read_text(PLACE, told[INDEX]))
    except ValueError:
        raise UnusableKey("the key that addresses and numbers are found by was changed in the database: bring back a backup") from None


def only_newest(conn: Connection, vault: Vault) -> None:
    """Nothing is encrypted under any other key."""
    told = stored_values.lock(conn, NAME, {})
    if vault.newest is not None and vault.newest.id in told.get("ids", []):
        index = vault.wrap(PLACE, _index(told, vault).hex())
        stored_values.put(conn, NAME, {**told, "ids": [vault.newest.id], INDEX: index})


def identities_are_plain(conn: Connection, now: bool) -> bool:
    """Put on record whether addresses and numbers stand as they are; whether they did. False where there never was a key."""
    told = stored_values.get(conn, NAME) or {}
    if told:
        stored_values.put(conn, NAME, {**told, PLAIN: now})
    return bool(told.get(PLAIN, False))


def on_record(conn: Connection) -> list[str]:
    """Which keys something may be encrypted under, by their ids, the newest last."""
    return list((stored_values.get(conn, NAME) or {}).get("ids", []))
