"""cccd access: parses and prints; no logic."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from cccd_core.cli.common import REGISTER_HELP, JsonOption, WhereOption, when_interrupted
from cccd_core.cli.terminal import cell, print_json, say, show, table, tell
from cccd_core.cli.told import ActorOption, TrailOption, recording

if TYPE_CHECKING:
    from cccd_core.issuance.access.roles import Role
    from cccd_core.issuance.audit.acts import Outcome
    from cccd_core.issuance.register.members import Member, Members


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    area = typer.Typer(no_args_is_help=True, help="Who may do what with a register: members, and rights in a server.")
    app.add_typer(area, name="access")
    area.command("list", epilog="Example: cccd access list --register ./gallery/register.sqlite")(list_)
    area.command(
        epilog="Example: cccd access give an.hk --role adjudicator --senior --register postgresql://admin@db.example/cccd"
    )(give)
    area.command(epilog="Example: cccd access take an.hk --register postgresql://admin@db.example/cccd")(take)
    area.command(epilog="Example: cccd access server --print --register postgresql://owner@db.example/cccd")(server)


def _server(value: str) -> str:
    if not value.startswith("postgresql://"):
        raise typer.BadParameter(
            "a server is named by a postgresql:// URL; whoever can write to a file may do anything"
        )
    return value


ServerOption: TypeAlias = Annotated[
    str, typer.Option("--register", metavar="URL", help=REGISTER_HELP, callback=_server)
]
LoginArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="ACCOUNT", help="An account of the server, or of the system.", show_default=False)
]
OrderOption: TypeAlias = Annotated[str | None, typer.Option(help="By which order.")]


def list_(where: WhereOption, as_json: JsonOption = False) -> None:
    """Lists who has a role, of which unit, and who gave it."""
    with _members(where) as members:
        found = members.all()
    if as_json:
        print_json([_json(one) for one in found])
        return
    rows = table("account", "role", "unit", "by", "order", "since")
    for one in found:
        role = f"{one.role}{', senior' if one.senior else ''}{', for others' if one.for_others else ''}"
        since = "" if one.time is None else f"{one.time:%Y-%m-%d %H:%M} UTC"
        rows.add_row(*map(cell, (one.login, role, one.unit_id or "all", one.given_by, one.order or "", since)))
    show(rows)
    if not found:
        tell("nobody has a role: names are taken on trust, and whoever can open the register may do anything")


def give(
    login: LoginArgument,
    where: WhereOption,
    role: Annotated[
        str,
        typer.Option(help="operator, adjudicator, factory, inspector, administrator or auditor.", metavar="ROLE"),
    ],
    unit: Annotated[
        str | None, typer.Option(metavar="UNIT", help="Of this unit and those below it; of all without it.")
    ] = None,
    senior: Annotated[bool, typer.Option("--senior", help="Decides where two adjudicators differ.")] = False,
    for_others: Annotated[
        bool, typer.Option("--for-others", help="A program at which people sign in: acts in their names.")
    ] = False,
    order: OrderOption = None,
    trail: TrailOption = None,
    as_json: JsonOption = False,
) -> None:
    """Gives an account a role, in place of the one it has. The first of a register is an administrator; nobody gives
    a role to themselves. In a server the account gets in when the owner has run cccd access server."""
    from cccd_core.issuance.access import accounts
    from cccd_core.issuance.register.members import Member

    when_interrupted("the account has the role or not: see cccd access list")
    made = Member(accounts.name(login), _role(role), unit, senior, for_others, order=order)
    said = f"{made.login}: {made.role}{'' if unit is None else f' of {unit}'}"
    with _members(where) as members, _recorded(trail, where, "role_given", said, order):
        members.give(made)
    _told({"account": made.login, "role": str(made.role)}, f"{made.login} is {made.role}", as_json)


def take(
    login: LoginArgument,
    where: WhereOption,
    order: OrderOption = None,
    trail: TrailOption = None,
    as_json: JsonOption = False,
) -> None:
    """Takes an account's role away. What it did stays on record."""
    from cccd_core.issuance.access import accounts

    when_interrupted("the account has the role or not: see cccd access list")
    name = accounts.name(login)
    with _members(where) as members, _recorded(trail, where, "role_taken", name, order):
        members.take(name, order=order)
    _told({"account": login, "role": None}, f"{login} has no role", as_json)


def server(
    where: ServerOption,
    shown: Annotated[bool, typer.Option("--print", help="Print the statements, and run none.")] = False,
    order: OrderOption = None,
    trail: TrailOption = None,
    actor: ActorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Makes the roles groups of the server, with the rights that each needs and no others, turns row security on, and
    lets members in and all others out. For the owner of the tables; to be run again after members changed, and after
    a new version."""
    from cccd_core.issuance import server_rights
    from cccd_core.plain import encode_record

    if shown:
        found = server_rights.statements(where)
        if as_json:
            print_json({"statements": found})
        else:
            say(*(f"{one};" for one in found))
        return
    when_interrupted("the server is as it was, or has all of it; run the same command again")
    with recording(trail, "access", "rights_installed", actor, "administrator", register=where, order=order) as outcome:
        done = server_rights.install(where)
        outcome.count = len(done.groups)
    if as_json:
        print_json(encode_record(done))
        return
    say(f"groups: {', '.join(done.groups)}")
    for login in done.without_account:
        tell(f"the server has no account {login}: make it (CREATE ROLE ... LOGIN) and run this again")
    for login in done.unbound:
        tell(f"the account {login} has powers in the server that no role binds: see docs/explanation/register.md")


def _recorded(
    trail: str | None, where: str, what: str, said: str, order: str | None
) -> AbstractContextManager[Outcome]:
    return recording(trail, "access", what, None, "administrator", register=where, order=order, reason=said)


@contextmanager
def _members(where: str) -> Iterator[Members]:
    from cccd_core.issuance.register.members import Members

    with closing(Members(where)) as members:
        yield members


def _role(text: str) -> Role:
    from cccd_core.issuance.access.roles import Role

    try:
        return Role(text)
    except ValueError:
        raise typer.BadParameter(f"a role is one of: {', '.join(Role)}", param_hint="--role") from None


def _told(said: dict[str, Any], text: str, as_json: bool) -> None:
    if as_json:
        print_json(said)
    else:
        say(text)


def _json(one: Member) -> dict[str, Any]:
    return {
        "account": one.login,
        "role": str(one.role),
        "unit": one.unit_id,
        "senior": one.senior,
        "for_others": one.for_others,
        "given_by": one.given_by,
        "order": one.order,
        "time": one.time,
    }
