"""A source that is a TOML file: a small directory for trying things out, no server needed."""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from collections import defaultdict
from dataclasses import replace
from hashlib import blake2b, scrypt
from itertools import batched
from typing import TYPE_CHECKING

import orjson

from connector.clock import SystemClock
from connector.source.batch import Batch, Page, Proof, Watermark
from connector.source.entry import EntryKind, SourceEntry
from connector.source.password import PasswordVerdict
from connector.source.roster import read_roster

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping
    from pathlib import Path

    from connector.clock import Clock
    from connector.source.roster import Group, Person, Roster
