"""Every command tells an audit trail what it does with people and their data, or stands here with the reason why it
has nothing to tell. What the telling ones do is held by `integration/cli/test_all_told.py`."""

from __future__ import annotations

from support.commands import telling

_PRINTS = "works on files of prints that the caller has: no gallery, no register, no card"
_KEYS = "works on keys, certificates and lists of a State or an authority: nobody's data; the ledger has its signatures"
_TRAIL = "works on the trail itself, which names nobody and which an auditor may only read"
_ASKED = "asks a service, and cccd search --serve tells what it is asked"
_TEST_CARD = "a virtual card of a test country stands for a reader with a blank card"

TOUCHES_NOBODY = {
    "doctor": "looks at the machine",
    "warmup": "compiles kernels",
    "extract": _PRINTS,
    "match": _PRINTS,
    "evaluate": _PRINTS,
    "template info": _PRINTS,
    "template convert": _PRINTS,
    "template draw": _PRINTS,
    "synth people": "makes people who do not exist",
    "synth check": "compares made prints with prints that the caller has",
    "dedup plan": "reckons from numbers that are given",
    "batch schema": "prints the form of a dossier",
    "batch check": "works on dossiers that the caller has, and shows ids and what is wrong: nothing is kept or asked",
    "register init": "makes tables and the State's units; a register that is there keeps whom it has",
    "access list": "lists accounts, which every entry names, and none of the register's people",
    "card keys": "asks a blank card for its keys: nobody's yet",
    **dict.fromkeys(("vcard new", "vcard serve", "vcard info"), _TEST_CARD),
    **{f"ask {word}": _ASKED for word in ("insert", "identify", "delete", "status")},
    **{f"audit {word}": _TRAIL for word in ("verify", "seal", "demand", "anchor", "show")},
    **{
        f"pki {word}": _KEYS
        for word in (
            "init", "show", "signer", "audit-signer", "roll-over", "revoke", "crl", "ledger", "master-list",
            "deviation-list", "list-signer", "write-master-list", "write-deviation-list", "check", "ceremony",
            "protocol", "cv init", "cv request", "cv dv", "cv is", "cv add", "cv renew", "cv link", "cv show",
            "cv check",
        )
    },
}  # fmt: skip


def test_every_command_tells_what_it_does_or_says_why_not() -> None:
    commands = telling()
    told = {name for name, tells in commands.items() if tells}
    assert {"search", "gallery add", "dedup join", "register show", "review page"} <= told
    assert not told & TOUCHES_NOBODY.keys(), "it tells, and stands among those that do not"
    untold = commands.keys() - told
    new = untold - TOUCHES_NOBODY.keys()
    assert not new, "a new command tells (cli/told.py: recording), or stands in TOUCHES_NOBODY with the reason"
    assert TOUCHES_NOBODY.keys() - untold == set(), "there is no such command any more"
